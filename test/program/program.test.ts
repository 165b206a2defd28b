import { beforeAll, describe, expect, test, vi } from "vitest";
import { anyUserEnv, identity } from "../../rules/any-user.ts";
import { parseQuantity } from "../../sizing/quantity.ts";
import { canary, type Manifest, type Program, runProgram, stackConfig } from "./record.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("./plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () => (await import("./plain-dynamic.ts")).readiness());

const anyUserNames = Object.keys(anyUserEnv);
const stacks = {
  local: () => stackConfig("local"),
  dev: () => stackConfig("dev"),
};

describe.each(Object.entries(stacks))("stack %s", (stack, config) => {
  let program: Program;
  const manifests = (kind?: string): Manifest[] =>
    program.resources
      .filter(({ type }) => type.startsWith("kubernetes:"))
      .map(({ inputs }) => inputs)
      .filter((inputs) => (kind ? inputs.kind === kind : inputs.kind));
  const named = (kind: string, name: string) =>
    manifests(kind).find(({ metadata }) => metadata.name === name);
  const runs = () =>
    program.resources.filter(({ type }) => type.endsWith(":PipelineRun")).map(({ inputs }) => inputs);
  const workloads = () => manifests().filter(({ spec }) => spec?.template?.spec?.containers);

  beforeAll(async () => {
    program = await runProgram(stack, config());
  });

  test("every namespaced object is in a namespace that is declared", () => {
    const namespaces = manifests("Namespace").map(({ metadata }) => metadata.name);
    const registry = stack === "local" ? ["model-registry"] : [];
    expect(namespaces.sort()).toEqual([...registry, "model-storage", "private-ai-demo"].sort());
    // What OpenShift AI's own model registry needs to let the project in.
    const outside = stack === "dev" ? ["rhoai-model-registries"] : [];
    for (const { kind, metadata } of manifests()) {
      if (kind === "Namespace") continue;
      expect([...namespaces, ...outside], `${kind} ${metadata.name}`).toContain(metadata.namespace);
    }
  });

  test("no two objects share kind, namespace and name", () => {
    const keys = manifests().map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("secret values are only in Secrets, where they are encoded", () => {
    const encoded = Buffer.from(canary).toString("base64");
    const holders = manifests().filter((manifest) => JSON.stringify(manifest).includes(encoded));
    expect(
      holders
        .map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`)
        // The database's Secret is named by its content.
        .map((name) => name.replace(/-[0-9a-f]{16}$/, ""))
        .sort(),
    ).toEqual(
      [
        "Secret model-storage/minio-root",
        "Secret model-storage/minio-users",
        "Secret private-ai-demo/minio-credentials",
        "Secret private-ai-demo/minio-serving",
        ...(stack === "dev"
          ? ["Secret private-ai-demo/model-storage"]
          : ["Secret model-registry/private-ai-model-registry-db"]),
      ].sort(),
    );
    expect(JSON.stringify([manifests(), runs()])).not.toContain(canary);
  });

  test("KServe finds the object store by annotations of the Secret in the serving account", () => {
    const account = named(
      "ServiceAccount",
      manifests("InferenceService")[0].spec.predictor.serviceAccountName,
    );
    const secret = named("Secret", account.secrets[0].name);
    expect(secret.metadata.annotations).toMatchObject({
      "serving.kserve.io/s3-endpoint": "minio.model-storage.svc.cluster.local:9000",
      "serving.kserve.io/s3-usehttps": "0",
    });
    const service = named("Service", "minio");
    expect(service.spec.ports[0].port).toBe(9000);
  });

  test("every pod is restricted", () => {
    const pods = [...workloads().map(({ spec }) => spec.template.spec), ...servingPods(manifests)];
    expect(pods.length).toBeGreaterThan(2);
    for (const pod of pods) {
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      expect(pod.automountServiceAccountToken).toBe(false);
      for (const container of pod.containers) expectRestricted(container.securityContext);
    }
    for (const run of runs()) {
      expect(run.spec.taskRunTemplate.podTemplate.securityContext).toMatchObject({ runAsNonRoot: true });
    }
    for (const task of manifests("Task")) {
      for (const step of task.spec.steps) {
        expectRestricted({ ...task.spec.stepTemplate?.securityContext, ...step.securityContext });
      }
    }
  });

  test("models and tasks start as a user without a passwd entry", () => {
    const named = (env: Manifest[]) => env.map(({ name }) => name);
    for (const { containers } of servingPods(manifests))
      for (const { env } of containers) expect(named(env)).toEqual(expect.arrayContaining(anyUserNames));
    const templates = runs().flatMap(({ spec }) =>
      [spec.taskRunTemplate, ...spec.taskRunSpecs].flatMap(({ podTemplate }) => podTemplate ?? []),
    );
    expect(templates.length).toBeGreaterThan(1);
    for (const { env } of templates) expect(named(env)).toEqual(Object.keys(identity));
  });

  test("the models and the largest task fit into the quota together", () => {
    const { hard } = named("ResourceQuota", "ai-workload-quota").spec;
    const running = manifests("InferenceService").filter(
      ({ metadata }) => metadata.annotations["serving.kserve.io/stop"] !== "true",
    );
    const requests = running.map(({ spec }) => spec.predictor.model.resources.requests);
    const total = (key: string) => requests.reduce((sum, of) => sum + parseQuantity(of[key] ?? "0"), 0);
    for (const key of ["cpu", "memory", "nvidia.com/gpu"]) {
      expect(parseQuantity(hard[`requests.${key}`]), key).toBeGreaterThanOrEqual(total(key));
    }
    const tasks = manifests("Task").map(
      ({ spec }) => spec.steps[0].computeResources?.requests?.memory ?? "0",
    );
    const left = parseQuantity(hard["requests.memory"]) - total("memory");
    expect(left).toBeGreaterThanOrEqual(Math.max(...tasks.map(parseQuantity)));
  });

  test("the outputs say where each model is, and where it came from", () => {
    expect(program.outputs.namespace).toBe("private-ai-demo");
    // Pulumi warns of such an output in each preview and up.
    for (const [name, value] of Object.entries(program.outputs)) expect(value, name).not.toBeUndefined();
    const imported = (name: string) => ({
      revision: `revision of model-import-${name}`,
      registeredModelId: `registered-model-id of model-import-${name}`,
      modelVersionId: `model-version-id of model-import-${name}`,
      pipelineRun: `model-import-${name}-run`,
    });
    const url = (name: string) => `http://${name}-predictor.private-ai-demo`;
    const { models } = program.outputs;
    expect(Object.keys(models)).toEqual(
      stack === "dev"
        ? ["mistral-24b-quantized", "mistral-24b"]
        : ["sums", "mistral-24b-quantized", "mistral-24b", "sums-quantized"],
    );
    if (stack === "dev") {
      expect(models["mistral-24b-quantized"]).toMatchObject({
        ...imported("mistral-24b-quantized"),
        url: url("mistral-24b-quantized"),
        storageUri: `s3://llm-models/mistral-24b-quantized/${"b".repeat(40)}/`,
      });
      expect(models["mistral-24b"].storageUri).toMatch(
        /^pvc:\/\/mistral-24b-pvc\/mistral-24b\/[0-9a-f]{40}$/,
      );
    } else {
      expect(models.sums).toMatchObject({ ...imported("sums"), url: url("sums") });
      // Declared and stopped.
      expect(models["mistral-24b"]).toEqual({
        storageUri: "pvc://mistral-24b-pvc/",
        cost: { hourlyUsd: 0, monthlyUsd: 0 },
      });
    }
  });
});

test("models on GPUs go to the smallest instance that holds them", async () => {
  const { resources } = await runProgram("dev", stacks.dev());
  const selectors = resources
    .filter(({ type }) => type.endsWith(":InferenceService"))
    .map(({ inputs }) => [
      inputs.metadata.name,
      inputs.spec.predictor.nodeSelector["node.kubernetes.io/instance-type"],
    ]);
  expect(Object.fromEntries(selectors)).toEqual({
    "mistral-24b-quantized": "g6.4xlarge",
    "mistral-24b": "g6.12xlarge",
  });
});

test("mistakes in the config stop the program before anything is declared", async () => {
  const config = stackConfig("alone", (raw) => {
    raw.platform = "nomad";
    raw.models[0].name = "Sums";
    raw.models[0].source.revision = "main";
    raw.images = {};
  });
  const failure = await runProgram("local", config).catch((error: Error) => error);
  expect(String(failure)).toContain("8 mistakes in the config of stack local:");
  expect(failure).toHaveProperty("__pulumiRunError", true);
});

function expectRestricted(context: Manifest): void {
  expect(context).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } });
}

/** KServe makes a pod of the predictor and the runtime's containers. */
function servingPods(manifests: (kind: string) => Manifest[]): Manifest[] {
  const containers = manifests("ServingRuntime").flatMap(({ spec }) => spec.containers);
  return manifests("InferenceService").map(({ spec }) => ({ ...spec.predictor, containers }));
}
