/**
 * The stack `dev` on a real API server: every object that it declares is applied, with its CRDs, admission and the quota. KServe
 * makes Deployments of its models, and the real scheduler finds their nodes. The nodes with GPUs are stand-ins without a
 * machine, so no model runs here.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Manifest } from "../../local/platform/manifests.ts";
import { waitUntil } from "../../local/run.ts";
import { goProgram } from "../../local/toolchain/go.ts";
import { declaredObjects } from "../schemas/declared.ts";
import { examples } from "../schemas/examples.ts";
import { customResourceDefinition } from "../schemas/packages.ts";
import { kubeconfig, kubectl, list } from "./platform.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("../program/plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () =>
  (await import("../program/plain-dynamic.ts")).readiness(),
);

/** The stack's names with a prefix, because the stack `local` uses the same names on this cluster. */
const namespace = "dev-private-ai-demo";
const storageNamespace = "dev-model-storage";
const registryNamespace = "dev-rhoai-model-registries";
const namespaces = [namespace, storageNamespace, registryNamespace];
const volume = "dev-mistral-24b-pvc";

let objects: Manifest[];
let definitions: Manifest[] = [];

/** Applies objects server-side, as Pulumi does; the error names every refused object, with the reason. */
async function apply(items: readonly Manifest[], ...flags: string[]): Promise<void> {
  const args = ["apply", "--server-side", "--field-manager=dev-stack-test", ...flags, "-f", "-"];
  const running = promisify(execFile)(goProgram("kubernetes", "kubectl"), [
    `--kubeconfig=${kubeconfig}`,
    ...args,
  ]);
  running.child.stdin?.end(JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  await running;
}

/** The definitions of kinds that the stack or an example uses and the cluster lacks. */
async function missingDefinitions(): Promise<Manifest[]> {
  const present = new Set((await list("crds")).map(({ metadata }) => metadata.name));
  const found = new Map<string, Manifest>();
  for (const { apiVersion, kind } of [...objects, ...examples]) {
    const definition = await customResourceDefinition(apiVersion.split("/")[0] ?? "", kind);
    if (definition && !present.has(definition.metadata.name)) found.set(definition.metadata.name, definition);
  }
  return [...found.values()];
}

/** Removes what this file made. Nothing ends pods on nodes without a machine, so they are deleted by force. */
async function cleanUp(): Promise<void> {
  for (const name of namespaces) {
    const resources = "inferenceservices,pipelineruns,deployments,jobs";
    await kubectl("delete", resources, "--all", "-n", name, "--ignore-not-found", "--timeout=600s");
    await kubectl("delete", "pods", "--all", "-n", name, "--force", "--grace-period=0");
  }
  await kubectl("delete", "namespace", ...namespaces, "--ignore-not-found", "--timeout=600s");
  await kubectl("delete", "persistentvolume", volume, "--ignore-not-found", "--timeout=600s");
}

/** The pod of a model, as soon as the scheduler has bound it to a node. */
const scheduled = (model: string): Promise<Manifest> =>
  waitUntil(
    `a node for ${model}`,
    async () => {
      const selector = `serving.kserve.io/inferenceservice=${model}`;
      const [pod] = await list("pods", "-n", namespace, "-l", selector);
      if (pod?.spec.nodeName) return pod;
      throw new Error(JSON.stringify(pod?.status.conditions ?? "it has no pod"));
    },
    { seconds: 300, everyMs: 1000 },
  );

beforeAll(async () => {
  await cleanUp();
  objects = await declaredObjects("dev", (config) => {
    config.namespace = namespace;
    config.objectStore.namespace = storageNamespace;
    config.registry.namespace = registryNamespace;
  });
  definitions = await missingDefinitions();
  // kubectl's own validation fails at a null that OpenShift's definition of Route permits as a value.
  await apply(definitions, "--validate=false");
  const names = definitions.map(({ metadata }) => `crd/${metadata.name}`);
  if (names.length > 0) await kubectl("wait", "--for=condition=Established", ...names, "--timeout=600s");
});

afterAll(async () => {
  await cleanUp();
  for (const { metadata } of definitions) await kubectl("delete", "crd", metadata.name, "--ignore-not-found");
});

describe("the stack dev", () => {
  it("is accepted by the API server, every object of it", async () => {
    const registry = { apiVersion: "v1", kind: "Namespace", metadata: { name: registryNamespace } };
    await apply([registry, ...objects.filter(({ kind }) => kind === "Namespace")]);
    // The volume that the cluster's storage would provision on the pod's node, which has no machine.
    await apply([
      {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: volume },
        spec: {
          capacity: { storage: "120Gi" },
          accessModes: ["ReadWriteOnce"],
          storageClassName: "local-path",
          hostPath: { path: "/nonexistent" },
          claimRef: { namespace, name: "mistral-24b-pvc" },
        },
      },
    ]);
    const last = ["InferenceService", "PipelineRun"];
    await apply(objects.filter(({ kind }) => ![...last, "Namespace"].includes(kind)));
    await apply(objects.filter(({ kind }) => kind === "InferenceService"));
    const runs = objects.filter(({ kind }) => kind === "PipelineRun");
    expect(runs.length).toBe(2);
    await apply(runs, "--dry-run=server");
    // Created but not started: its images do not exist.
    await apply(runs.map((run) => ({ ...run, spec: { ...run.spec, status: "PipelineRunPending" } })));
  });

  it("could declare the other kinds too: their examples pass validation by the API server", async () => {
    const inNamespace = examples.map((example) => ({
      ...example,
      metadata: { ...example.metadata, namespace },
    }));
    await apply(inNamespace, "--dry-run=server");
  });

  it("has an unknown field rejected by the API server, as by the schemas", async () => {
    const runtime = structuredClone(objects.find(({ kind }) => kind === "ServingRuntime") as Manifest);
    runtime.spec.containers[0].imagee = "x";
    await expect(apply([runtime], "--dry-run=server")).rejects.toThrow(/imagee/);
  });
});

describe("the real scheduler", () => {
  it("binds the quantized model to the node with one L4", async () => {
    expect((await scheduled("mistral-24b-quantized")).spec.nodeName).toBe("g6-4xlarge");
  });

  it("binds the full model to the node with four", async () => {
    const pod = await scheduled("mistral-24b");
    expect(pod.spec.nodeName).toBe("g6-12xlarge");
    const claims = pod.spec.volumes.map((item: Manifest) => item.persistentVolumeClaim?.claimName);
    expect(claims).toContain("mistral-24b-pvc");
  });

  it("gets no pod of a third model: the quota refuses it", async () => {
    const [second] = objects.filter(({ metadata }) => metadata.name === "mistral-24b-quantized");
    const third = { ...second, metadata: { ...second?.metadata, name: "third" } } as Manifest;
    await apply([third]);
    const message = await waitUntil(
      "the quota's refusal",
      async () => {
        const [deployment] = await list("deployments", "-n", namespace, "-l", "app=isvc.third-predictor");
        const conditions: Manifest[] = deployment?.status.conditions ?? [];
        return conditions.find(({ type, status }) => type === "ReplicaFailure" && status === "True")?.message;
      },
      { seconds: 300, everyMs: 1000 },
    );
    expect(message).toContain("exceeded quota: ai-workload-quota");
    expect(message).toContain("requests.nvidia.com/gpu=1");
    expect(await list("pods", "-n", namespace, "-l", "serving.kserve.io/inferenceservice=third")).toEqual([]);
  });
});
