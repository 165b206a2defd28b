import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { containerfileImages, goImages } from "../images/images.ts";
import { imageReference } from "../images/node-store.ts";
import { logsDirectory, runInSandbox } from "../node/sandbox.ts";
import { kubectl } from "../node/services.ts";
import { contentKey, stateDirectory } from "../paths.ts";
import type { Progress } from "../progress.ts";
import { waitUntil } from "../run.ts";
import {
  baseNamespaces,
  dnsManifests,
  gpuNodeManifests,
  networkPolicyManifests,
  storageManifests,
} from "./base.ts";
import { kserveManifests } from "./kserve.ts";
import type { Manifest } from "./manifests.ts";
import { hubManifests, ociRegistryManifests } from "./services.ts";
import { tektonManifests } from "./tekton.ts";

/** Deployments that must be available before a stack is brought up. */
const deployments = [
  ["kube-system", "coredns"],
  ["local-path-storage", "local-path-provisioner"],
  ["tekton-pipelines", "tekton-pipelines-controller"],
  ["tekton-pipelines", "tekton-pipelines-webhook"],
  ["kserve", "kserve-controller-manager"],
  ["hugging-face", "hub"],
  ["oci-registry", "registry"],
] as const;

const appliedFile = join(stateDirectory, "platform-applied");

/** Applies what the platform runs on Kubernetes, unless it is installed, and waits until all of it is available. */
export async function installPlatform(progress: Progress): Promise<void> {
  const key = manifestsKey();
  if (!existsSync(appliedFile) || readFileSync(appliedFile, "utf8") !== key) {
    const manifests = await platformManifests();
    const gpuNodes = gpuNodeManifests();
    rmSync(appliedFile, { force: true });
    const first = manifests.filter(({ kind }) => kind === "Namespace" || kind === "CustomResourceDefinition");
    // Webhooks that are not served yet would refuse the objects after them.
    const webhooks = manifests.filter(({ kind }) => kind.endsWith("WebhookConfiguration"));
    const custom = manifests.filter(({ kind }) => kind === "ClusterStorageContainer");
    const rest = manifests.filter((manifest) => ![...first, ...webhooks, ...custom].includes(manifest));
    await apply([...first, ...gpuNodes.nodes]);
    await waitForDefinitions();
    await apply([...rest, ...custom]);
    await apply(webhooks);
    for (const { name, status } of gpuNodes.statuses) {
      await kubectl([
        "patch",
        "node",
        name,
        "--subresource=status",
        "--type=merge",
        "--patch",
        JSON.stringify({ status }),
      ]);
    }
    writeFileSync(appliedFile, key);
  }
  await waitForNetworkPolicies();
  await waitForDeployments(progress);
  await waitForAdmission();
}

/** `kubectl wait` fails for a definition that has no condition yet, so it is retried. */
async function waitForDefinitions(): Promise<void> {
  await waitUntil(
    "the CustomResourceDefinitions",
    () => kubectl(["wait", "--for=condition=Established", "--all", "crd", "--timeout=60s"]),
    { seconds: 90, everyMs: 500 },
  );
}

/** Without kube-router's rules no network policy is enforced. */
async function waitForNetworkPolicies(): Promise<void> {
  await waitUntil(
    `kube-router's rules (logs: ${join(logsDirectory, "kube-router/current")})`,
    () => runInSandbox("iptables", ["-S", "KUBE-ROUTER-FORWARD"]),
    { seconds: 90, everyMs: 500 },
  );
}

/** Key of what the manifests are made from: images, the modules that ship them, and this folder's code. */
function manifestsKey(): string {
  const images = [...containerfileImages, ...Object.values(goImages).flat()].filter(
    ({ imported }) => imported,
  );
  const code = readdirSync(import.meta.dirname).map((file) => join(import.meta.dirname, file));
  return contentKey({ texts: images.map(({ name }) => imageReference(name)), files: code });
}

async function apply(manifests: readonly Manifest[]): Promise<void> {
  const text = manifests
    .map((manifest) => stringify(manifest, { aliasDuplicateObjects: false }))
    .join("---\n");
  await kubectl(
    ["apply", "--server-side", "--force-conflicts", "--field-manager=modelcar-local", "-f", "-"],
    text,
  );
}

async function platformManifests(): Promise<Manifest[]> {
  const image = imageReference;
  const pause = image("pause");
  return [
    ...baseNamespaces(),
    ...networkPolicyManifests(),
    ...dnsManifests(image("coredns")),
    ...(await storageManifests({ provisioner: image("local-path-provisioner"), helper: pause })),
    ...(await tektonManifests({
      controller: image("tekton-controller"),
      webhook: image("tekton-webhook"),
      entrypoint: image("tekton-entrypoint"),
      nop: image("tekton-nop"),
      workingdirinit: image("tekton-workingdirinit"),
      shell: pause,
    })),
    ...(await kserveManifests({ manager: image("kserve-manager"), storageInitializer: image("tasks") })),
    ...hubManifests(image("hub")),
    ...ociRegistryManifests(image("registry")),
  ];
}

/** Reports the Deployments that still lack pods, whenever the list changes. */
async function waitForDeployments(progress: Progress): Promise<void> {
  let said = "";
  await waitUntil(
    "the platform's Deployments",
    async () => {
      const list = JSON.parse(await kubectl(["get", "deployments", "--all-namespaces", "-o", "json"]))
        .items as Manifest[];
      const waiting = deployments.filter(([namespace, name]) => {
        const deployment = list.find(
          (item) => item.metadata.namespace === namespace && item.metadata.name === name,
        );
        const condition = deployment?.status?.conditions?.find(
          (item: { type: string }) => item.type === "Available",
        );
        const current = deployment?.status?.observedGeneration === deployment?.metadata.generation;
        return !current || condition?.status !== "True" || deployment?.status?.updatedReplicas !== 1;
      });
      const message = waiting.map(([namespace, name]) => `${namespace}/${name}`).join(", ");
      if (message && message !== said) progress.say(`waiting for ${message}`);
      said = message;
      if (message) throw new Error(`still not available: ${message}`);
      return true;
    },
    { seconds: 300, everyMs: 1000 },
  );
}

/** Objects that each webhook admits in a dry run. */
const probes: readonly Manifest[] = [
  {
    apiVersion: "tekton.dev/v1",
    kind: "Task",
    metadata: { name: "probe", namespace: "default" },
    spec: { steps: [{ name: "probe", image: "probe" }] },
  },
  {
    apiVersion: "serving.kserve.io/v1alpha1",
    kind: "ServingRuntime",
    metadata: { name: "probe", namespace: "default" },
    spec: { containers: [{ name: "kserve-container", image: "probe" }] },
  },
  {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name: "probe", namespace: "default" },
    spec: { predictor: { model: { modelFormat: { name: "probe" }, storageUri: "s3://probe/" } } },
  },
];

/** Waits until the webhooks answer: a Deployment is available shortly before it can be reached. */
async function waitForAdmission(): Promise<void> {
  const text = probes.map((probe) => stringify(probe)).join("---\n");
  await waitUntil(
    "the webhooks of Tekton and KServe",
    async () => (await kubectl(["create", "--dry-run=server", "-f", "-"], text)) !== "" || undefined,
    { seconds: 60, everyMs: 1000 },
  );
}
