import { expect, test } from "vitest";
import { modelArgs, type ServeSpec } from "../../config/vllm-arguments.ts";
import { anyUserEnv } from "../../rules/any-user.ts";
import { modelPlacement } from "../../sizing/placement.ts";
import { modelEnv, modelResources, type RuntimeSpec, vllmContainer, vllmVolumes } from "./vllm.ts";

const serve: ServeSpec = {
  gpus: 0,
  cpu: "1500m",
  cpuLimit: "2",
  memory: "3Gi",
  maxModelLen: 256,
  gpuMemoryUtilization: 0.9,
  vllmArgs: ["--seed=1"],
};
const full = { ...serve, gpus: 4, accelerator: "l4", cpu: "16", cpuLimit: "16", memory: "80Gi" };
const accelerators = {
  l4: {
    gpuProduct: "NVIDIA-L4",
    instances: {
      "g6.4xlarge": { gpus: 1, cpu: "16", memory: "64Gi" },
      "g6.12xlarge": { gpus: 4, cpu: "48", memory: "192Gi" },
    },
  },
};

test("a model on CPU requests no GPU, runs on any node, and has a thread for each whole core", () => {
  expect(modelArgs(serve)).toEqual(["--max-model-len=256", "--seed=1"]);
  expect(modelEnv(serve)).toEqual([{ name: "OMP_NUM_THREADS", value: "1" }]);
  expect(modelResources(serve)).toEqual({
    requests: { cpu: "1500m", memory: "3Gi" },
    limits: { cpu: "2", memory: "3Gi" },
  });
  expect(modelPlacement(serve, accelerators)).toEqual({});
});

test("a model on GPUs is distributed over them, on a node that has them, with its ephemeral storage", () => {
  expect(modelArgs({ ...full, maxNumSeqs: 16 })).toEqual([
    "--max-model-len=256",
    "--gpu-memory-utilization=0.9",
    "--tensor-parallel-size=4",
    "--max-num-seqs=16",
    "--seed=1",
  ]);
  expect(modelEnv(full)).toEqual([]);
  const { requests, limits } = modelResources({ ...full, ephemeralStorage: "25Gi" });
  expect(requests).toEqual({ cpu: "16", memory: "80Gi", "ephemeral-storage": "25Gi", "nvidia.com/gpu": "4" });
  expect(limits).toEqual(requests);
  expect(modelPlacement(full, accelerators)).toEqual({
    nodeSelector: {
      "nvidia.com/gpu.product": "NVIDIA-L4",
      "node.kubernetes.io/instance-type": "g6.12xlarge",
    },
    tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
  });
});

test("one GPU needs no tensor parallelism", () => {
  expect(modelArgs({ ...full, gpus: 1 })).not.toContain("--tensor-parallel-size=1");
});

test("an unknown accelerator is refused", () => {
  expect(() => modelPlacement({ ...full, accelerator: "h100" }, accelerators)).toThrow(
    'unknown accelerator "h100"',
  );
});

test("the API key comes from its Secret, never as an argument", () => {
  expect(modelEnv(full, "sums-api-key")).toEqual([
    { name: "VLLM_API_KEY", valueFrom: { secretKeyRef: { name: "sums-api-key", key: "api-key" } } },
  ]);
});

const runtime: RuntimeSpec = {
  name: "vllm-cpu",
  namespace: "ai",
  image: "vllm@sha256:1",
  args: ["--dtype=bfloat16"],
  env: { VLLM_LOGGING_LEVEL: "INFO" },
  startupMinutes: 30,
};

test("a model has its whole startup time before the liveness probe starts", () => {
  const { startupProbe } = vllmContainer(runtime, "vllm", "sums");
  expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBe(30 * 60);
});

test("the configured arguments and variables come after the build's", () => {
  const container = vllmContainer(runtime, "vllm", "sums");
  expect(container.args).toEqual([
    "--port=8080",
    "--model=/mnt/models",
    "--served-model-name=sums",
    "--distributed-executor-backend=uni",
    "--dtype=bfloat16",
  ]);
  expect(container.env.at(-1)).toEqual({ name: "VLLM_LOGGING_LEVEL", value: "INFO" });
  const cuda = vllmContainer({ ...runtime, name: "vllm-cuda", env: { HF_HUB_OFFLINE: "0" } }, "vllm", "sums");
  expect(cuda.env).toContainEqual({ name: "HF_HUB_OFFLINE", value: "0" });
});

test.each(["vllm-cpu", "vllm-cuda"] as const)(
  "%s starts as a user without passwd entry, and writes only to volumes",
  (name) => {
    const { env, volumeMounts } = vllmContainer({ ...runtime, name }, "vllm", "sums");
    const values = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    expect(values).toMatchObject({ USER: expect.stringMatching(/./), LOGNAME: expect.stringMatching(/./) });
    const volumes = vllmVolumes.map(({ name }) => name);
    const mounted = volumeMounts.filter(({ name }) => volumes.includes(name));
    const { USER: _, LOGNAME: __, ...places } = anyUserEnv;
    for (const place of [
      "HOME",
      "XDG_CACHE_HOME",
      "TORCHINDUCTOR_CACHE_DIR",
      "TRITON_CACHE_DIR",
      "VLLM_CACHE_ROOT",
      "HF_HOME",
    ])
      expect(places).toHaveProperty(place);
    for (const [place, path] of Object.entries(places)) {
      expect(values[place]).toBe(path);
      expect(
        mounted.some(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`)),
        place,
      ).toBe(true);
    }
  },
);

test("configured values of these variables win, and each is set once", () => {
  const { env } = vllmContainer({ ...runtime, env: { USER: "me", HOME: "/mnt/models" } }, "vllm", "sums");
  expect(env.filter(({ name }) => name === "USER" || name === "HOME")).toEqual([
    { name: "USER", value: "me" },
    { name: "HOME", value: "/mnt/models" },
  ]);
});
