import { describe, expect, test, vi } from "vitest";
import type { Manifest } from "../../local/platform/manifests.ts";
import { declaredObjects, stacks } from "./declared.ts";
import { badNames, danglingReferences, formatMismatches, movingImages } from "./references.ts";
import { tektonProblems } from "./tekton-references.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("../program/plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () =>
  (await import("../program/plain-dynamic.ts")).readiness(),
);

/** Objects that the stacks refer to and others create. */
const existing: Record<string, string[]> = {
  // OpenShift AI's own namespace of model registries, and the Role that its operator makes for a registry's users.
  dev: [
    "Namespace rhoai-model-registries",
    "Role rhoai-model-registries/registry-user-private-ai-model-registry",
  ],
  // One of the stopped models is on an existing volume.
  local: ["PersistentVolumeClaim private-ai-demo/mistral-24b-pvc"],
};

const declared: Record<string, Manifest[]> = {};
for (const stack of stacks) declared[stack] = await declaredObjects(stack);

const rules = (stack: string): Record<string, (objects: Manifest[]) => string[]> => ({
  "names refer to declared objects": (objects) => danglingReferences(objects, existing[stack] ?? []),
  "Tasks, Pipelines and runs fit together": tektonProblems,
  "runtimes serve the formats of their models": formatMismatches,
  "images are by digest": movingImages,
  "names and labels are well formed": badNames,
});
const all = (stack: string, objects: Manifest[]): string[] =>
  Object.values(rules(stack)).flatMap((rule) => rule(objects));

describe.each(stacks)("stack %s", (stack) => {
  test.each(Object.entries(rules(stack)))("%s", (_, rule) => {
    expect(rule(declared[stack] ?? [])).toEqual([]);
  });
});

/** Mistakes in the objects of the stack dev, each with the expected problem. */
const mistakes: [string, (find: (kind: string, name?: string) => Manifest) => void, string][] = [
  [
    "a task that is not there",
    (find) => (find("Pipeline", "model-import").spec.tasks[0].taskRef.name = "pull"),
    "Pipeline private-ai-demo/model-import: Task private-ai-demo/pull is not declared",
  ],
  [
    "a param that is not there",
    (find) => (find("Pipeline", "model-import").spec.tasks[0].params[0].value = "$(params.MODEL)"),
    "Pipeline private-ai-demo/model-import: $(params.MODEL) refers to nothing",
  ],
  [
    "a result that its task does not have",
    (find) =>
      (find("Pipeline", "model-import").spec.results[0].value = "$(tasks.register-model.results.digest)"),
    "Pipeline private-ai-demo/model-import: $(tasks.register-model.results.digest) refers to nothing",
  ],
  [
    "a result in brackets that its task does not have",
    (find) =>
      (find("Pipeline", "model-import").spec.results[0].value = "$(tasks.register-model.results['digest'])"),
    "Pipeline private-ai-demo/model-import: $(tasks.register-model.results.digest) refers to nothing",
  ],
  [
    "a workspace that its Task does not have",
    (find) => (find("Task", "upload-to-minio").spec.steps[0].workingDir = "$(workspaces.data.path)"),
    "Task private-ai-demo/upload-to-minio: $(workspaces.data.path) refers to nothing",
  ],
  [
    "a param that the Task needs",
    (find) => find("Pipeline", "model-import").spec.tasks[0].params.shift(),
    "Pipeline private-ai-demo/model-import: task pull-model-from-huggingface: param HUGGINGFACE_MODEL is missing",
  ],
  [
    "a workspace that is not bound",
    (find) => (find("PipelineRun").spec.workspaces = []),
    "PipelineRun private-ai-demo/model-import-mistral-24b-quantized-X: workspace models is missing",
  ],
  [
    "a param that the pipeline does not take",
    (find) => find("PipelineRun").spec.params.push({ name: "EXTRA", value: "x" }),
    "PipelineRun private-ai-demo/model-import-mistral-24b-quantized-X: param EXTRA is given, but not taken",
  ],
  [
    "a volume claim that is not declared",
    (find) => (find("PipelineRun").spec.workspaces[0].persistentVolumeClaim.claimName = "models"),
    "PipelineRun private-ai-demo/model-import-mistral-24b-quantized-X: PersistentVolumeClaim private-ai-demo/models is not declared",
  ],
  [
    "an account that is not declared",
    (find) => (find("InferenceService").spec.predictor.serviceAccountName = "serving"),
    "InferenceService private-ai-demo/mistral-24b-quantized: ServiceAccount private-ai-demo/serving is not declared",
  ],
  [
    "a claim in a URI that is not declared",
    (find) => (find("InferenceService", "mistral-24b").spec.predictor.model.storageUri = "pvc://models/x"),
    "InferenceService private-ai-demo/mistral-24b: PersistentVolumeClaim private-ai-demo/models is not declared",
  ],
  [
    "a key that the Secret does not have",
    (find) => delete find("Secret", "minio-root").data.MINIO_ROOT_USER,
    "Job model-storage/create-bucket-X: Secret model-storage/minio-root has no key MINIO_ROOT_USER",
  ],
  [
    "a Secret that a pull needs",
    (find) => (find("Secret", "quay-credentials").metadata.name = "quay"),
    "InferenceService private-ai-demo/mistral-24b: Secret private-ai-demo/quay-credentials is not declared",
  ],
  [
    "a Service that a Route leads to",
    (find) => (find("Service", "minio").metadata.name = "s3"),
    "Route model-storage/minio-console: Service model-storage/minio is not declared",
  ],
  [
    "a namespace that is not declared",
    (find) => (find("ConfigMap", "model-registry").metadata.namespace = "elsewhere"),
    "ConfigMap elsewhere/model-registry: Namespace elsewhere is not declared",
  ],
  [
    "what is said to exist, but is not used",
    (find) => (find("RoleBinding").roleRef.kind = "ClusterRole"),
    "Role rhoai-model-registries/registry-user-private-ai-model-registry is said to exist, but nothing refers to it",
  ],
  [
    "a runtime that does not serve the format",
    (find) => (find("InferenceService").spec.predictor.model.modelFormat.name = "onnx"),
    "InferenceService private-ai-demo/mistral-24b-quantized: runtime vllm-cuda does not serve onnx",
  ],
  [
    "an image by tag",
    (find) => (find("ServingRuntime").spec.containers[0].image = "vllm:latest"),
    "ServingRuntime private-ai-demo/vllm-cuda: image vllm:latest is not by digest",
  ],
  [
    "a name in capitals",
    (find) => (find("ConfigMap", "model-registry").metadata.name = "Model_Registry"),
    "ConfigMap private-ai-demo/Model_Registry: the name is no DNS-1123 name of at most 253 characters",
  ],
  [
    "a label with spaces",
    (find) => (find("InferenceService").metadata.labels.note = "two words"),
    'InferenceService private-ai-demo/mistral-24b-quantized: label note cannot be "two words"',
  ],
];

test.each(mistakes)("%s is found", (_, spoil, problem) => {
  const objects = structuredClone(declared.dev ?? []);
  spoil((kind, name) => {
    const found = objects.find((object) => object.kind === kind && (!name || object.metadata.name === name));
    if (!found) throw new Error(`stack dev declares no ${kind} ${name ?? ""}`);
    return found;
  });
  const said = all("dev", objects).map((line) => line.replace(/-[0-9a-f]{8}:/, "-X:"));
  expect(said).toContain(problem);
});
