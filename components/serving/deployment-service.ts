/**
 * Serving without KServe: a model image (ModelCar or ORAS artefact) is copied onto a volume once, and a plain Deployment of
 * vLLM serves it from there. A restarted pod does not fetch it again.
 */

import { modelArgs, type ServeSpec } from "../../config/vllm-arguments.ts";
import { secondsToServe } from "../../plan/runtimes.ts";
import { accounts } from "../../rules/names.ts";
import { modelPod, type Platform, restrictedContainer } from "../../rules/security.ts";
import type { modelPlacement } from "../../sizing/placement.ts";
import { requiredImage } from "../shared/required-image.ts";
import { volumeClaim } from "../storage/manifests.ts";
import { fetcher } from "./fetcher.ts";
import {
  modelDirectory,
  modelEnv,
  modelLabels,
  modelResources,
  port,
  type RuntimeSpec,
  vllmContainer,
  vllmVolumes,
} from "./vllm.ts";

/**
 * How the model is fetched from the registry. `image`: a ModelCar is an ordinary image with its files in /models, so the kubelet
 * pulls it as the init container's image, which copies the files. `oras`: an artefact of `oras push`, whose layers are the
 * files themselves. The methods are not interchangeable: `oras pull` of an image yields no file, because an image's layers are
 * archives without names, and the kubelet cannot start an artefact.
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
  /** Node selector and tolerations of its pod. */
  readonly placement: Partial<ReturnType<typeof modelPlacement>>;
  readonly serve: ServeSpec & { readonly stopped: boolean };
  readonly cache: Cache;
  /** Image with the ORAS command line and a shell, for `fetch: oras`. */
  readonly orasImage?: string | undefined;
  /** Reach the registry over HTTP without TLS, for `fetch: oras`; for `image` the kubelet's settings decide. */
  readonly plainHttp?: boolean | undefined;
  /** Secrets of type dockerconfigjson. `oras` reads the first. */
  readonly pullSecrets: readonly string[];
  /** Secret with vLLM's API key. */
  readonly apiKeySecret?: string | undefined;
  /** Its pods are part of an Istio mesh. */
  readonly mesh: boolean;
}

/** Name of the model server's container. */
export const serverContainer = "vllm";

const cacheDirectory = "/cache";
const loginDirectory = "/auth";

/** Name of a model's cache claim. */
export const cacheClaim = (model: string) => `${model}-cache`;

/** The claim that caches a model; one node mounts it at a time. */
export function cacheVolumeClaim({ name, namespace, cache }: DeploymentServiceSpec<unknown>) {
  return volumeClaim({ ...cache, namespace, name: cacheClaim(name) });
}

/** The Service of the pods, with the same port as KServe's. */
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
      // A model takes minutes to load; Readiness waits for it, and reports the reason of a failure.
      annotations: { "pulumi.com/skipAwait": "true" },
    },
    spec: {
      selector: labels,
      ports: [{ name: port.name, port: 80, targetPort: port.name, protocol: "TCP" }],
    },
  };
}

/** The Deployment. The old pod is deleted before the new one starts, because it holds the volume and the GPUs. */
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
 * Copies the model to the volume unless it is already there. The file `complete` names the model and is written last, so that
 * an interrupted copy does not count. Another model is removed first, to make room; other entries (such as lost+found) are
 * ignored.
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
    image: spec.cache.fetch === "image" ? spec.modelImage : requiredImage({ oras: spec.orasImage }, "oras"),
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

/** The login for `oras`, under the name that it expects. The kubelet reads imagePullSecrets itself. */
function loginVolume<Text>({ cache, pullSecrets }: DeploymentServiceSpec<Text>) {
  const [secretName] = pullSecrets;
  if (cache.fetch !== "oras" || secretName === undefined) return [];
  const items = [{ key: ".dockerconfigjson", path: "config.json" }];
  return [{ name: "registry-login", secret: { secretName, items } }];
}
