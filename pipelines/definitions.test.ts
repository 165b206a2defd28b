/** Checks every pipeline against the task.yaml files of its Tasks. */

import { secondsOfDuration } from "@modelcar/tekton-run/runs";
import { describe, expect, test } from "vitest";
import { loadTasks, pipelinesFor } from "../plan/tasks.ts";
import { authenticationOf } from "../rules/authentication.ts";
import { allPipelines } from "./catalogue.ts";
import { type PipelineDefinition, pipelineOf, tasksOf } from "./definition.ts";
import { taskJob } from "./jobs.ts";
import { modelComparisonRun } from "./model-comparison.ts";
import { modelImportRun } from "./model-import.ts";
import { manifestParam, modelTestingRun } from "./model-testing-run.ts";
import { modelcar } from "./modelcar.ts";
import { type ModelcarRun, modelcarRun } from "./modelcar-run.ts";
import { runOf } from "./run.ts";
import type { PipelineTask } from "./tekton.ts";

const settings = { namespace: "private-ai-demo", timeoutMinutes: 240 };

describe.each([...allPipelines])("pipeline $name", (definition: PipelineDefinition) => {
  const tasks = loadTasks("tasks", tasksOf(definition));
  const { spec } = pipelineOf(definition, settings);
  const steps = [...spec.tasks, ...(spec.finally ?? [])];
  const taskOf = (step: PipelineTask) =>
    tasks.find(({ metadata }) => metadata.name === step.taskRef.name)?.spec;

  test.each(steps.map((step) => [step.name, step] as const))("%s gets the params of its Task", (_, step) => {
    const task = taskOf(step);
    const asked = task?.params ?? [];
    const given = step.params.map(({ name }) => name);
    expect(asked.map(({ name }) => name)).toEqual(expect.arrayContaining(given));
    const required = asked.filter(({ default: value }) => value === undefined).map(({ name }) => name);
    expect(given).toEqual(expect.arrayContaining(required));
    expect(new Set(given).size).toBe(given.length);
    const workspaces = task?.workspaces ?? [];
    const bound = step.workspaces?.map(({ name }) => name) ?? [];
    expect(workspaces.map(({ name }) => name)).toEqual(expect.arrayContaining(bound));
    expect(bound).toEqual(
      expect.arrayContaining(workspaces.filter(({ optional }) => !optional).map(({ name }) => name)),
    );
  });

  test("all referenced params, results and workspaces exist", () => {
    const text = JSON.stringify([spec.tasks, spec.finally, spec.results]);
    const params = spec.params.map(({ name }) => name);
    for (const [, name] of text.matchAll(/\$\(params\.([^)]+)\)/g)) expect(params).toContain(name);
    for (const [, step, result] of text.matchAll(/\$\(tasks\.([^.)]+)\.results\.([^)]+)\)/g)) {
      const found = steps.find(({ name }) => name === step);
      expect(found && taskOf(found)?.results?.map(({ name }) => name), `${step}.${result}`).toContain(result);
    }
    const workspaces = spec.workspaces.map(({ name }) => name);
    const used = steps.flatMap((step) => step.workspaces?.map(({ workspace }) => workspace) ?? []);
    expect([...new Set(used)].sort()).toEqual([...workspaces].sort());
  });

  test("every param is used", () => {
    const text = JSON.stringify(steps);
    for (const { name } of spec.params) expect(text, name).toContain(`$(params.${name})`);
  });

  test("a task that runs never needs a result of one that may be skipped: Tekton would skip it, too", () => {
    const skipped = new Set(steps.filter(({ when }) => when).map(({ name }) => name));
    // These two run or are skipped together, and what they need runs whenever one of them does.
    const allowed = (step: string, needs: string) =>
      needs === "build-and-push-modelcar" && ["register-with-registry", "deploy-model"].includes(step);
    for (const step of steps) {
      for (const [, needs = ""] of JSON.stringify([step.params, step.when]).matchAll(
        /\$\(tasks\.([^.)]+)\.results/g,
      )) {
        expect(skipped.has(needs) && !allowed(step.name, needs), `${step.name} needs ${needs}`).toBe(false);
      }
    }
  });

  test("every task has a job.yaml", () => {
    for (const step of steps) expect(() => taskJob(step.taskRef.name)).not.toThrow();
  });

  test.each([1, 240, 10_080])(
    "with %d minutes a task that hangs ends before finally loses any of its time, on any Tekton",
    (timeoutMinutes) => {
      const { spec } = pipelineOf(definition, { ...settings, timeoutMinutes });
      const { timeouts } = runOf(definition, { settings: { ...run, timeoutMinutes }, params: {} });
      const [pipeline, tasks, last] = [timeouts.pipeline, timeouts.tasks, timeouts.finally].map(
        (text = "") => secondsOfDuration(text) ?? 0,
      ) as [number, number, number];
      // Tekton's webhook refuses more.
      expect(tasks + last).toBe(pipeline);
      const own = spec.tasks.map((task) => secondsOfDuration(task.timeout) ?? 0);
      expect(new Set(own)).toEqual(new Set([timeoutMinutes * 60]));
      // By its own timeout, not by that of all tasks, even if each earlier task took nearly as long.
      expect(own.reduce((sum, seconds) => sum + seconds)).toBeLessThanOrEqual(tasks);
      for (const task of spec.finally ?? []) expect(secondsOfDuration(task.timeout)).toBe(last);
    },
  );

  test("finally is long enough for the waits of its tasks and the start of their pods", () => {
    const { timeouts } = runOf(definition, { settings: run, params: {} });
    for (const step of spec.finally ?? []) {
      const param = taskOf(step)?.params?.find(({ name }) => name === "TIMEOUT_SECONDS");
      expect(secondsOfDuration(timeouts.finally)).toBeGreaterThanOrEqual(Number(param?.default ?? 0) + 600);
    }
  });
});

test("a pipeline is declared only with the images of all its tasks", () => {
  const declared = (...keys: string[]) =>
    pipelinesFor("tasks", Object.fromEntries(keys.map((key) => [key, key]))).map(({ name }) => name);
  expect(declared()).toEqual([]);
  expect(declared("tasks")).toEqual(["model-import"]);
  expect(declared("tasks", "evaluate", "guidellm")).toEqual([
    "model-import",
    "model-testing-v2",
    "candidate-testing",
  ]);
  expect(declared("tasks", "report")).toEqual(["model-import", "model-comparison"]);
  expect(declared("tasks", "compress", "evaluate", "guidellm", "report")).toEqual(
    allPipelines.map(({ name }) => name),
  );
});

const source = {
  huggingFace: "org/model",
  revision: "a".repeat(40),
  allowPatterns: ["*.json", "*.safetensors"],
};
const l4 = {
  gpuProduct: "NVIDIA-L4",
  memory: "23034Mi",
  instances: { "g6.12xlarge": { gpus: 4, cpu: "48", memory: "192Gi" } },
};
const run = {
  platform: "openshift" as const,
  timeoutMinutes: 240,
  accelerators: { l4 },
  pullSecrets: [],
  huggingFaceEndpoint: "https://huggingface.co",
  objectStore: { endpoint: "http://minio:9000", bucket: "llm-models" },
  registry: { url: "http://registry:8080", auth: "none" as const, name: undefined },
  claim: "modelcar-storage" as const,
  imageRegistry: { withoutTls: undefined, secret: undefined },
};
const job = { cpu: "16", memory: "96Gi" };
const packaged = (model: Partial<ModelcarRun["model"]> = {}) =>
  modelcarRun({
    settings: run,
    model: { name: "granite", source, ...model },
    repository: "quay.io/org/granite",
    baseImage: "quay.io/base@sha256:0",
  });
const paramsOf = ({ params }: { params: readonly { name: string; value: unknown }[] }) =>
  Object.fromEntries(params.map(({ name, value }) => [name, value]));

test("a model is evaluated before it is pushed, pushed before it is registered, registered before it is deployed", () => {
  const { spec } = pipelineOf(modelcar, settings);
  const before = (name: string): string[] => {
    const step = spec.tasks.find((task) => task.name === name);
    const named = [...JSON.stringify(step).matchAll(/\$\(tasks\.([^.)]+)\.results/g)].map(
      ([, task = ""]) => task,
    );
    const direct = [...(step?.runAfter ?? []), ...named];
    return [...new Set([...direct, ...direct.flatMap(before)])];
  };
  expect(before("build-and-push-modelcar")).toContain("evaluate-model");
  expect(before("register-with-registry")).toContain("build-and-push-modelcar");
  expect(before("deploy-model")).toContain("register-with-registry");
  expect(before("run-guidellm")).toContain("deploy-model");
});

describe("a run of modelcar", () => {
  const compress = {
    ...job,
    recipe: "code",
    accelerator: "l4",
    gpus: 4,
    calibrationSamples: 512,
    maxSequenceLength: 2048,
  };
  const evaluate = {
    ...job,
    gpus: 1,
    accelerator: "l4",
    tasks: ["humaneval", "mbpp"],
    applyChatTemplate: false,
    minimumScores: { "humaneval:pass@1": 0.4 },
    runGeneratedCode: true,
  };

  test("only tasks that use GPUs get GPUs and GPU nodes", () => {
    const { taskRunSpecs = [], taskRunTemplate } = packaged({ compress, evaluate });
    expect(taskRunTemplate.podTemplate).not.toHaveProperty("nodeSelector");
    const onGpus = taskRunSpecs.filter(({ podTemplate }) => podTemplate?.nodeSelector);
    expect(onGpus.map(({ pipelineTaskName }) => pipelineTaskName)).toEqual([
      "compress-model",
      "evaluate-model",
    ]);
    expect(onGpus[0]).toMatchObject({
      podTemplate: {
        nodeSelector: {
          "nvidia.com/gpu.product": "NVIDIA-L4",
          "node.kubernetes.io/instance-type": "g6.12xlarge",
        },
        securityContext: { runAsNonRoot: true },
      },
      stepSpecs: [
        { name: "compress-model", computeResources: { limits: { "nvidia.com/gpu": "4", memory: "96Gi" } } },
      ],
    });
  });

  test("each task has its own account, and tasks that run generated code have no token", () => {
    const { taskRunSpecs = [] } = packaged({ evaluate });
    const of = (name: string) => taskRunSpecs.find(({ pipelineTaskName }) => pipelineTaskName === name);
    expect(of("register-with-registry")?.serviceAccountName).toBe("modelcar-register-model");
    expect(of("evaluate-model")?.podTemplate?.automountServiceAccountToken).toBe(false);
    expect(of("deploy-model")?.podTemplate).toBeUndefined();
  });

  test("the config determines the pipeline's params", () => {
    expect(paramsOf(packaged())).toMatchObject({
      COMPRESS_MODEL: "false",
      EVALUATE_MODEL: "false",
      MODEL_VERSION: "aaaaaaaaaaaa",
    });
    expect(paramsOf(packaged({ compress, evaluate }))).toMatchObject({
      COMPRESS_MODEL: "true",
      RECIPE: "code",
      EVALUATE_MODEL: "true",
      TASKS: "humaneval,mbpp",
      MINIMUM_SCORES: "humaneval:pass@1>=0.4",
      HUGGINGFACE_ALLOW_PATTERNS: "*.json *.safetensors",
      MODEL_VERSION: "aaaaaaaaaaaa-code",
      OCI_IMAGE: "quay.io/org/granite",
    });
  });

  test("every param of the run is one of the pipeline's", () => {
    const known = Object.keys(modelcar.params);
    expect(known).toEqual(expect.arrayContaining(Object.keys(paramsOf(packaged({ compress, evaluate })))));
  });
});

test("a run of model-testing-v2 authenticates as the endpoint requires", () => {
  const test = { evaluate: { tasks: ["arc_easy"], limit: 10, applyChatTemplate: true, minimumScores: {} } };
  const model = { name: "granite", source };
  const served = { name: "granite", serve: { mode: "deployment" as const, auth: true } };
  const tested = { url: "http://granite", authentication: authenticationOf("kubernetes", served) };
  const asked = modelTestingRun({ settings: run, test, model, tested });
  expect(asked.pipelineRef.name).toBe("model-testing-v2");
  expect(paramsOf(asked)).toMatchObject({
    ENDPOINT_URL: "http://granite",
    ENDPOINT_AUTH: "token",
    ENDPOINT_SECRET: "granite-api-key",
    GUIDELLM_EVALUATE_MODEL: "false",
    LIMIT: "10",
  });
});

test("a candidate is tested under its own name, and its results are the model's", () => {
  const test = { evaluate: { tasks: ["arc_easy"], applyChatTemplate: true, minimumScores: {} } };
  const inferenceService = { kind: "InferenceService", metadata: { name: "granite-candidate" } };
  const tested = {
    name: "granite-candidate",
    inferenceService: manifestParam(inferenceService),
    timeoutSeconds: 3600,
  };
  const apart = modelTestingRun({ settings: run, test, model: { name: "granite", source }, tested });
  expect(apart.pipelineRef.name).toBe("candidate-testing");
  expect(paramsOf(apart)).toMatchObject({
    SERVED_MODEL_NAME: "granite-candidate",
    INFERENCE_SERVICE: JSON.stringify(inferenceService),
    TIMEOUT_SECONDS: "3600",
    MODEL_NAME: "granite",
  });
});

test("a comparison has both sides and the gates in the syntax of its task", () => {
  const side = {
    name: "granite",
    source,
    artifactsUri: "s3://b/a/",
    storageUri: "s3://b/m/",
    hourlyUsd: 1.5,
  };
  const gates = {
    evaluate: { gate: { recovery: 0.97, recoveryByTask: { arc_easy: 0.9 } } },
    benchmark: { gate: { ttftMsP95: 500, outputTokensPerSecond: 100 } },
  };
  const model = {
    ...side,
    compress: { recipe: "code" },
    serve: { gpus: 1, accelerator: "l4", cpuLimit: "6" },
  };
  const base = { ...side, name: "large", hourlyUsd: undefined, serve: { gpus: 0, cpuLimit: "8" } };
  const compared = modelComparisonRun({ settings: run, model, base, gates });
  expect(compared.workspaces).toEqual([]);
  expect(paramsOf(compared)).toMatchObject({
    MODEL_NAME: "granite",
    MODEL_VERSION: `${"a".repeat(12)}-code`,
    HARDWARE: "1 × l4",
    HOURLY_USD: "1.5",
    BASE_MODEL_NAME: "large",
    BASE_MODEL_VERSION: "a".repeat(12),
    BASE_HARDWARE: "8 CPU",
    BASE_HOURLY_USD: "",
    GATES: "recovery>=0.97 recovery:arc_easy>=0.9 ttft-ms-p95<=500 output-tokens-per-second>=100",
  });
  expect(paramsOf(modelComparisonRun({ settings: run, model, gates: {} }))).toMatchObject({ GATES: "" });
});

test("an import to a volume runs on the nodes of the model", () => {
  const placement = { nodeSelector: { disk: "near" } };
  const model = { name: "granite", source };
  const target = { kind: "pvc" as const, claim: "granite-pvc", placement };
  const { taskRunTemplate, params } = modelImportRun({ settings: run, model, target });
  expect(taskRunTemplate.podTemplate).toMatchObject(placement);
  expect(paramsOf({ params })).toMatchObject({
    UPLOAD_TO_MINIO: "false",
    MODEL_URI: `pvc://granite-pvc/granite/${source.revision}`,
  });
});
