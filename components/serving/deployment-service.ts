/**
 * Serving without KServe: a model image (ModelCar or ORAS artefact) is brought onto a volume once, and a plain Deployment of
 * vLLM serves it from there. Nothing is fetched again when the pod is.
 */

import { modelArgs, type ServeSpec } from "../../config/vllm-arguments.ts";
import { accounts } from "../../rules/names.ts";
import { modelPod, type Platform, restrictedContainer } from "../../rules/security.ts";
import type { modelPlacement } from "../../sizing/placement.ts";
import { volumeClaim } from "../storage/manifests.ts";
import { fetcher } from "./fetcher.ts";
import {
  modelDirectory,
  modelEnv,
  modelLabels,
  modelResources,
  port,
  type RuntimeSpec,
  secondsToServe,
  vllmContainer,
  vllmVolumes,
} from "./vllm.ts";

/**
 * How the model comes out of the registry. `image`: a ModelCar is an ordinary image with its files in /models, so the kubelet
 * pulls it as the init container's image and the files are copied out of it. `oras`: an artefact that `oras push` made, whose
 * layers are the files themselves. Either tool is of no use for the other: `oras pull` of an image yields no file, because the
 * layers of an image are archives without names, and an artefact is no image that a kubelet could start.
 */
export type Fetch = "image" | "oras";

export interface Cache {
  readonly size: string;
  /** Default: the cluster's default class. */
  readonly storageClass?: string | undefined;
  readonly fetch: Fetch;
}

export interface DeploymentServiceSpec<Text = string> {
  readonly platform: Platform;
  readonly name: string;
  readonly namespace: string;
  readonly runtime: RuntimeSpec;
  /** repository@sha256:… of the model image. */
  readonly modelImage: Text;
  /** Which nodes its pod goes to. */
  readonly placement: Partial<ReturnType<typeof modelPlacement>>;
  readonly serve: ServeSpec & { readonly stopped: boolean };
  readonly cache: Cache;
  /** Image with the ORAS command line and a shell, for `fetch: oras`. */
  readonly orasImage?: string | undefined;
  /** Reach the registry over HTTP without TLS, for `fetch: oras`; a kubelet's own settings decide for `image`. */
  readonly plainHttp?: boolean | undefined;
  /** Secrets of type dockerconfigjson. `oras` reads the first. */
  readonly pullSecrets: readonly string[];
  /** Secret with the key that vLLM asks callers for. */
  readonly apiKeySecret?: string | undefined;
  /** Its pods are part of an Istio mesh. */
  readonly mesh: boolean;
}

/** The model server's container, as Readiness looks for it. */
export const serverContainer = "vllm";

const cacheDirectory = "/cache";
const loginDirectory = "/auth";

/** Name of the claim that holds a model. */
export const cacheClaim = (model: string) => `${model}-cache`;

/** The volume that a model is kept on; one node mounts it at a time. */
export function cacheVolumeClaim({ name, namespace, cache }: DeploymentServiceSpec<unknown>) {
  return volumeClaim({ ...cache, namespace, name: cacheClaim(name) });
}

/** The Service before the pods, at the port that KServe's would have. */
export function modelService({
  name,
  namespace,
}: Pick<DeploymentServiceSpec<unknown>, "name" | "namespace">) {
  const labels = modelLabels(name);
  return {
    metadata: {
      name,
      namespace,
      labels,
      // A model takes minutes to load; Readiness waits for it, with reasons.
      annotations: { "pulumi.com/skipAwait": "true" },
    },
    spec: {
      selector: labels,
      ports: [{ name: port.name, port: 80, targetPort: port.name, protocol: "TCP" }],
    },
  };
}

/** The Deployment. The old pod goes before the new one comes: the volume can be mounted once, and so can the GPUs. */
export function modelDeployment<Text>(spec: DeploymentServiceSpec<Text>) {
  const { name, namespace, serve } = spec;
  const labels = modelLabels(name);
  const server = vllmContainer(spec.runtime, serverContainer, name);
  const model = { name: "model", mountPath: modelDirectory, subPath: "model", readOnly: true };
  return {
    metadata: { name, namespace, labels, annotations: { "pulumi.com/skipAwait": "true" } },
    spec: {
      replicas: serve.stopped ? 0 : 1,
      strategy: { type: "Recreate" },
      progressDeadlineSeconds: secondsToServe(spec.runtime),
      selector: { matchLabels: labels },
      template: {
        metadata: { labels: { ...labels, ...(spec.mesh ? { "sidecar.istio.io/inject": "true" } : {}) } },
        spec: {
          serviceAccountName: accounts.serving,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: modelPod(spec.platform),
          ...(spec.pullSecrets.length > 0
            ? { imagePullSecrets: spec.pullSecrets.map((secret) => ({ name: secret })) }
            : {}),
          ...spec.placement,
          initContainers: [fetchContainer(spec)],
          containers: [
            {
              ...server,
              args: [...server.args, ...modelArgs(serve)],
              env: [...server.env, ...modelEnv(serve, spec.apiKeySecret)],
              resources: modelResources(serve),
              volumeMounts: [...server.volumeMounts, model],
            },
          ],
          volumes: [
            ...vllmVolumes,
            { name: "model", persistentVolumeClaim: { claimName: cacheClaim(name) } },
            ...loginVolume(spec),
          ],
        },
      },
    },
  };
}

/**
 * Fills the volume unless it holds this very model: a file beside the model names what is complete, and is written last, so that
 * an interrupted copy is never taken for a model. Anything else in the model's place is removed first, to make room; other
 * entries (a file system's lost+found) neither count nor go.
 */
const fetchScript = (fetch: string) => `set -eu
complete=${cacheDirectory}/complete
model=${cacheDirectory}/model
have=
if [ -f "$complete" ]; then read -r have < "$complete" || true; fi
if [ "$have" = "$MODEL_IMAGE" ]; then
  echo "the volume holds $MODEL_IMAGE already"
  exit 0
fi
rm -rf "$complete" "$model"
mkdir "$model"
echo "fetching $MODEL_IMAGE"
${fetch}
set -- "$model"/*
if [ ! -e "$1" ]; then
  echo "$MODEL_IMAGE has no files for the model: $HINT" >&2
  exit 1
fi
echo "$MODEL_IMAGE" > "$complete"
echo "complete"
`;

function fetchContainer<Text>(spec: DeploymentServiceSpec<Text>) {
  const [fetch, hint] =
    spec.cache.fetch === "image"
      ? [
          `cp -R /models/. "$model"/`,
          "a ModelCar has them in /models; set serve.cache.fetch to oras for an artefact",
        ]
      : [orasPull(spec), "oras pulls artefacts; set serve.cache.fetch to image for a ModelCar"];
  return {
    name: fetcher.container,
    image: spec.cache.fetch === "image" ? spec.modelImage : needed(spec.orasImage),
    command: ["sh", "-c", fetchScript(fetch)],
    env: [
      { name: fetcher.variable, value: spec.modelImage },
      { name: "HINT", value: hint },
    ],
    resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "1", memory: "512Mi" } },
    securityContext: { ...restrictedContainer, readOnlyRootFilesystem: true },
    volumeMounts: [
      { name: "model", mountPath: cacheDirectory },
      ...loginVolume(spec).map(({ name }) => ({ name, mountPath: loginDirectory, readOnly: true })),
    ],
  };
}

function orasPull<Text>(spec: DeploymentServiceSpec<Text>): string {
  const flags = [
    "--no-tty",
    ...(spec.plainHttp ? ["--plain-http"] : []),
    ...(spec.pullSecrets.length > 0 ? [`--registry-config ${loginDirectory}/config.json`] : []),
    '--output "$model"',
  ];
  return `oras pull ${flags.join(" ")} "$MODEL_IMAGE"`;
}

/** The login for `oras`, under the name that it expects. A kubelet reads imagePullSecrets itself. */
function loginVolume<Text>({ cache, pullSecrets }: DeploymentServiceSpec<Text>) {
  const [secretName] = pullSecrets;
  if (cache.fetch !== "oras" || secretName === undefined) return [];
  const items = [{ key: ".dockerconfigjson", path: "config.json" }];
  return [{ name: "registry-login", secret: { secretName, items } }];
}

function needed(image: string | undefined): string {
  if (image === undefined) throw new Error("serve.cache.fetch: oras needs modelcar:images.oras");
  return image;
}
