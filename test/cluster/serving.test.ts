/**
 * Models served on a real cluster from a model image in its own registry: by KServe as a ModelCar, and by a plain Deployment that
 * keeps the model on a volume. Each answers a sum.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ReadinessInputs } from "@modelcar/kserve-readiness/logic";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namespace as namespaceOf } from "../../components/project/manifests.ts";
import { create } from "../../components/readiness/provider.ts";
import {
  cacheVolumeClaim,
  type DeploymentServiceSpec,
  modelDeployment,
  modelService,
  serverContainer,
} from "../../components/serving/deployment-service.ts";
import {
  type InferenceServiceSpec,
  inferenceService,
  predictorService,
} from "../../components/serving/inference-service.ts";
import { servingContainer, servingRuntime } from "../../components/serving/runtime-manifest.ts";
import { modelResources, type RuntimeSpec } from "../../components/serving/vllm.ts";
import { modelArgs } from "../../config/vllm-arguments.ts";
import hub from "../../local/hub/models.json" with { type: "json" };
import { imageReference } from "../../local/images/node-store.ts";
import { clusterName, gatewayPort } from "../../local/paths.ts";
import { waitUntil } from "../../local/run.ts";
import { goProgram } from "../../local/toolchain/go.ts";
import { accounts } from "../../rules/names.ts";
import { nodeSelectorFor, onGpuNodes } from "../../sizing/placement.ts";
import { pushArtefact } from "./artefact.ts";
import { kubeconfig, kubectl, list, stateDirectory } from "./platform.ts";

const execute = promisify(execFile);
const namespace = `serving-${randomBytes(3).toString("hex")}`;
/** The API key that callers of the plain model must send. */
const key = randomBytes(16).toString("hex");
const gateway = `http://127.0.0.1:${gatewayPort}`;
const registry = "registry.oci-registry:5000";
const repository = `${registry}/test/${namespace}`;

const serve = {
  gpus: 0,
  // Leaves room for other pods.
  cpu: "50m",
  cpuLimit: "2",
  memory: "3Gi",
  maxModelLen: 256,
  gpuMemoryUtilization: 0.9,
  maxNumSeqs: 4,
  vllmArgs: [],
  stopped: false,
};
const runtime = (): RuntimeSpec => ({
  name: "vllm-cpu",
  namespace,
  image: imageReference("vllm-cpu"),
  args: ["--dtype=bfloat16", "--enforce-eager", "--kv-cache-memory-bytes=32M"],
  env: {},
  startupMinutes: 10,
});
const kserve = (changed: Partial<InferenceServiceSpec>): InferenceServiceSpec => ({
  platform: "kubernetes",
  name: "car",
  namespace,
  runtime: "vllm-cpu",
  deploymentMode: "Standard",
  storageUri: `oci://${modelcar}`,
  placement: {},
  serve: { ...serve, rollout: "Recreate", replicas: 1 },
  route: false,
  tokenAuth: false,
  timeoutSeconds: 600,
  pullSecrets: [],
  mesh: false,
  ...changed,
});
const plain = (changed: Partial<DeploymentServiceSpec>): DeploymentServiceSpec => ({
  platform: "kubernetes",
  name: "plain",
  namespace,
  runtime: runtime(),
  modelImage: modelcar,
  placement: {},
  serve,
  cache: { size: "100Mi", fetch: "image" },
  orasImage: imageReference("oras"),
  plainHttp: true,
  pullSecrets: [],
  mesh: false,
  ...changed,
});

async function apply(manifest: object, ...flags: string[]): Promise<void> {
  const args = [`--kubeconfig=${kubeconfig}`, "apply", "--server-side", ...flags, "-f", "-"];
  const running = execute(goProgram("kubernetes", "kubectl"), args);
  running.child.stdin?.end(JSON.stringify(manifest));
  await running;
}

/** Claim, Deployment and Service of a plain model. */
async function applyPlain(spec: DeploymentServiceSpec): Promise<void> {
  await apply({ apiVersion: "v1", kind: "PersistentVolumeClaim", ...cacheVolumeClaim(spec) });
  await apply({ apiVersion: "v1", kind: "Service", ...modelService(spec) });
  await apply({ apiVersion: "apps/v1", kind: "Deployment", ...modelDeployment(spec) });
}

type Serving = Pick<ReadinessInputs, "kind" | "name" | "deployment" | "container" | "service">;

/** Waits as the program does; `source` is where the pods must get the model from. Returns the URL inside the cluster. */
async function ready(
  serving: Serving,
  source: Partial<ReadinessInputs["expected"]>,
  more: Partial<ReadinessInputs> = {},
): Promise<string | undefined> {
  const { image } = runtime();
  const expected = { image, args: modelArgs(serve), resources: modelResources(serve), ...source };
  const constant = { context: clusterName, namespace, uid: "", revision: "", timeoutSeconds: 900 };
  const { outs } = await create({ ...constant, ...serving, expected, ...more });
  expect(JSON.stringify(outs)).not.toContain(key);
  return outs.url;
}
const deployed = (name: string): Serving => ({
  kind: "Deployment",
  name,
  deployment: name,
  container: serverContainer,
  service: { name, port: 80 },
});

/** Asks a served model. Retries, because its Service may learn of a new pod with a delay. */
async function ask(service: string, model: string, question: string, key?: string): Promise<Response> {
  const asked = async () => {
    const response = await fetch(`${gateway}/${namespace}/${service}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify({ model, temperature: 0, messages: [{ role: "user", content: question }] }),
    });
    return response.status === 502 ? undefined : response;
  };
  return await waitUntil(`${service} to answer`, asked, { seconds: 120 });
}
async function answer(response: Response): Promise<string | undefined> {
  const { choices } = (await response.json()) as { choices?: { message: { content: string } }[] };
  return choices?.[0]?.message.content.trim();
}

const fetchLog = (deployment: string) =>
  kubectl("logs", "-n", namespace, `deployment/${deployment}`, "-c", "fetch-model");

/** Runs model-images.ts and returns its output. */
async function images(...args: string[]): Promise<string> {
  const env = { ...process.env, MODELCAR_STATE: stateDirectory };
  const program = join(import.meta.dirname, "model-images.ts");
  const { stdout } = await execute(process.execPath, [program, ...args], { env });
  return stdout.trim();
}

let files: string;
let modelcar: string;
let artefact: string;

beforeAll(async () => {
  process.env.KUBECONFIG = kubeconfig;
  files = mkdtempSync(join(tmpdir(), "model-"));
  const [sums] = hub.repositories;
  const source = `${gateway}/hugging-face/hub:8080`;
  const about = await fetch(`${source}/api/models/${sums?.repository}/revision/main`);
  const { sha, siblings } = (await about.json()) as { sha: string; siblings: { rfilename: string }[] };
  for (const { rfilename } of siblings) {
    const file = await fetch(`${source}/${sums?.repository}/resolve/${sha}/${rfilename}`);
    expect(file.status).toBe(200);
    writeFileSync(join(files, rfilename), Buffer.from(await file.arrayBuffer()));
  }
  modelcar = await images("push", files, repository, "car");
  const pushed = await pushArtefact(`${gateway}/oci-registry/registry:5000`, `test/${namespace}`, files);
  artefact = `${repository}@${pushed}`;

  await apply({ apiVersion: "v1", kind: "Namespace", ...namespaceOf(namespace, "baseline") });
  await apply({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: accounts.serving, namespace },
  });
  await apply(servingRuntime(runtime()));
});

afterAll(async () => {
  await kubectl("delete", "namespace", namespace, "--ignore-not-found", "--timeout=600s");
  if (modelcar) await images("remove", modelcar);
  rmSync(files, { recursive: true, force: true });
});

describe("served", () => {
  it("by KServe from a ModelCar, which the node pulls from the registry", async () => {
    await apply(inferenceService(kserve({})));
    const service = predictorService("car");
    const car: Serving = {
      kind: "InferenceService",
      name: "car",
      deployment: service.name,
      container: servingContainer,
      service,
    };
    const url = await ready(car, { storageUri: `oci://${modelcar}` });
    expect(url).toBe(`http://car-predictor.${namespace}.svc.cluster.local`);
    expect(await answer(await ask("car-predictor", "car", "What is 7 plus 5?"))).toBe("12");
    const [pod] = await list("pods", "-n", namespace, "-l", "serving.kserve.io/inferenceservice=car");
    const containers = pod.spec.containers.map(({ name }: { name: string }) => name).sort();
    expect(containers).toEqual(["kserve-container", "modelcar"]);
    expect(await list("horizontalpodautoscalers", "-n", namespace)).toEqual([]);
    // A stopped model is still declared.
    await apply(inferenceService(kserve({ serve: { ...kserve({}).serve, stopped: true } })));
    await kubectl("wait", "-n", namespace, "deployment/car-predictor", "--for=delete", "--timeout=300s");
    expect(await list("inferenceservices", "-n", namespace)).toHaveLength(1);
  });

  it("by a plain Deployment, to callers with the key, from a volume that is filled once", async () => {
    const metadata = { name: "plain-api-key", namespace };
    await apply({ apiVersion: "v1", kind: "Secret", metadata, stringData: { "api-key": key } });
    await applyPlain(plain({ apiKeySecret: "plain-api-key" }));
    const apiKeySecret = { name: "plain-api-key", key: "api-key" };
    await ready(deployed("plain"), { modelImage: modelcar }, { apiKeySecret });
    expect((await ask("plain", "plain", "What is 7 plus 5?")).status).toBe(401);
    expect(await answer(await ask("plain", "plain", "What is 7 plus 5?", key))).toBe("12");
    expect(await fetchLog("plain")).toMatch(/complete/);
    await kubectl("delete", "pod", "-n", namespace, "-l", "app.kubernetes.io/name=plain");
    const log = await waitUntil("the next pod", async () => (await fetchLog("plain")) || undefined, {
      seconds: 300,
    });
    expect(log).toMatch(/holds .* already/);
    await kubectl("scale", "-n", namespace, "deployment/plain", "--replicas=0");
  });

  it("by a plain Deployment from an ORAS artefact", async () => {
    const spec = plain({ name: "artefact", modelImage: artefact, cache: { size: "100Mi", fetch: "oras" } });
    await applyPlain(spec);
    await ready(deployed("artefact"), { modelImage: artefact });
    expect(await fetchLog("artefact")).toMatch(/Digest: sha256:/);
    expect(await answer(await ask("artefact", "artefact", "What is 21 plus 14?"))).toBe("35");
    await kubectl("scale", "-n", namespace, "deployment/artefact", "--replicas=0");
  });

  it("by nothing, where a ModelCar is fetched as an artefact: the reason is in the log", async () => {
    await applyPlain(plain({ name: "wrong", cache: { size: "100Mi", fetch: "oras" } }));
    const log = await waitUntil(
      "the init container's end",
      async () =>
        (await fetchLog("wrong").catch(() => "")).includes("no files") ? fetchLog("wrong") : undefined,
      { seconds: 600, everyMs: 1000 },
    );
    expect(log).toContain("set serve.cache.fetch to image for a ModelCar");
    await kubectl("delete", "-n", namespace, "deployment/wrong");
  });
});

describe("KServe's admission takes", () => {
  const onGpus = { ...serve, rollout: "Recreate" as const, replicas: 1 };
  const l4 = {
    gpuProduct: "NVIDIA-L4",
    instances: { "g6.4xlarge": { gpus: 1 }, "g6.12xlarge": { gpus: 4 } },
  };
  const on = (gpus: number) => ({ placement: onGpuNodes(nodeSelectorFor(l4, gpus)) });
  it.each<[string, () => Partial<InferenceServiceSpec>]>([
    [
      "one GPU and S3",
      () => ({
        ...on(1),
        storageUri: "s3://llm-models/Mistral-Small-24B-Instruct/quantized-w4a16/",
        serve: { ...onGpus, gpus: 1, cpu: "6", cpuLimit: "6", memory: "16Gi" },
      }),
    ],
    [
      "four GPUs and a volume",
      () => ({
        ...on(4),
        storageUri: "pvc://mistral-24b-pvc/",
        serve: { ...onGpus, gpus: 4, cpu: "16", cpuLimit: "16", memory: "80Gi", ephemeralStorage: "25Gi" },
      }),
    ],
    [
      "replicas by load",
      () => ({
        ...on(1),
        serve: {
          ...onGpus,
          gpus: 1,
          autoscaling: { minReplicas: 1, maxReplicas: 3, target: 5, prometheus: "http://prometheus:9090" },
        },
      }),
    ],
    ["OpenShift's annotations", () => ({ platform: "openshift", route: true, tokenAuth: true })],
  ])("%s", async (_, changed) => {
    await apply(inferenceService(kserve({ name: "admitted", ...changed() })), "--dry-run=server");
  });

  it("no autoscaler that it does not know", async () => {
    const manifest = inferenceService(kserve({ name: "refused" }));
    const annotations = { ...manifest.metadata.annotations, "serving.kserve.io/autoscalerClass": "magic" };
    const refused = { ...manifest, metadata: { ...manifest.metadata, annotations } };
    await expect(apply(refused, "--dry-run=server")).rejects.toThrow("not a supported autoscaler class");
  });
});
