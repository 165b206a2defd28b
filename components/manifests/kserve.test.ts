import { expect, test } from "vitest";
import { inferenceService, type ModelServiceSpec, servingRuntime } from "./kserve.ts";

const spec: ModelServiceSpec = {
  platform: "kubernetes",
  name: "sums",
  namespace: "ai",
  runtime: "vllm-cpu",
  deploymentMode: "Standard",
  storageUri: "s3://llm-models/sums/1/",
  registeredModelId: "1",
  modelVersionId: "2",
  accelerators: { l4: { gpuProduct: "NVIDIA-L4", instances: { "g6.12xlarge": { gpus: 4 } } } },
  serve: {
    gpus: 0,
    cpu: "1500m",
    cpuLimit: "2",
    memory: "3Gi",
    maxModelLen: 256,
    vllmArgs: ["--seed=1"],
    rollout: "Recreate",
  },
};
const predictor = (changed: Partial<ModelServiceSpec["serve"]> = {}) =>
  inferenceService({ ...spec, serve: { ...spec.serve, ...changed } }).spec.predictor;

test("a model on CPU asks for no GPU, goes anywhere, and computes on its whole cores", () => {
  const { model, ...pod } = predictor();
  expect(model.args).toEqual(["--max-model-len=256", "--seed=1"]);
  expect(model.env).toEqual([{ name: "OMP_NUM_THREADS", value: "1" }]);
  expect(model.resources).toEqual({
    requests: { cpu: "1500m", memory: "3Gi" },
    limits: { cpu: "2", memory: "3Gi" },
  });
  expect(pod).not.toHaveProperty("nodeSelector");
});

test("a model on GPUs is split over them, on a node that has them", () => {
  const { model, ...pod } = predictor({ gpus: 4, accelerator: "l4" });
  expect(model.args).toEqual(["--max-model-len=256", "--tensor-parallel-size=4", "--seed=1"]);
  expect(model.resources.limits).toMatchObject({ "nvidia.com/gpu": "4" });
  expect(model).not.toHaveProperty("env");
  expect(pod).toMatchObject({ nodeSelector: { "node.kubernetes.io/instance-type": "g6.12xlarge" } });
});

test("a rolling update keeps the old copy until the new one answers", () => {
  expect(predictor({ rollout: "RollingUpdate" }).deploymentStrategy).toEqual({
    type: "RollingUpdate",
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
  });
});

test("OpenShift assigns users and groups itself", () => {
  expect(predictor().securityContext).toHaveProperty("fsGroup");
  const { securityContext } = inferenceService({ ...spec, platform: "openshift" }).spec.predictor;
  expect(securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
});

test("the runtime gives a model the whole start-up time, and config's arguments come after its own", () => {
  const runtime = servingRuntime({
    name: "vllm-cpu",
    namespace: "ai",
    image: "vllm@sha256:1",
    args: ["--dtype=bfloat16"],
    env: { VLLM_LOGGING_LEVEL: "INFO" },
    startupMinutes: 30,
  });
  const container = runtime.spec.containers[0];
  expect((container?.startupProbe.periodSeconds ?? 0) * (container?.startupProbe.failureThreshold ?? 0)).toBe(
    1800,
  );
  expect(container?.args.at(-1)).toBe("--dtype=bfloat16");
  expect(container?.env).toEqual([{ name: "VLLM_LOGGING_LEVEL", value: "INFO" }]);
});
