/** The models and nodes of the requirement documents, for tests. */
import { sizeStack } from "./report.ts";
import type { Stack, StackModel, StackServe } from "./stack.ts";

export const architecture = {
  parameters: 23_572_403_200,
  bitsPerWeight: 16,
  layers: 40,
  hiddenSize: 5120,
  attentionHeads: 32,
  keyValueHeads: 8,
  headDimension: 128,
  keyValueBits: 16,
  vocabularySize: 131_072,
};
export const serve: StackServe = {
  mode: "kserve",
  accelerator: "l4",
  gpus: 1,
  cpu: "6",
  cpuLimit: "6",
  memory: "16Gi",
  maxModelLen: 8192,
  gpuMemoryUtilization: 0.92,
  vllmArgs: [],
  rollout: "Recreate",
  stopped: false,
  replicas: 1,
  auth: false,
};
const hub = { huggingFace: "mistralai/Mistral-Small-24B-Instruct-2501" };
export const quantized: StackModel = {
  name: "mistral-24b-quantized",
  source: hub,
  package: { kind: "s3" },
  architecture: { ...architecture, bitsPerWeight: 4 },
  serve,
};
export const full: StackModel = {
  name: "mistral-24b",
  source: hub,
  package: { kind: "pvc", claim: "mistral-24b-pvc", size: "120Gi", accessMode: "ReadWriteOnce" },
  architecture,
  serve: {
    ...serve,
    gpus: 4,
    cpu: "16",
    cpuLimit: "16",
    memory: "80Gi",
    ephemeralStorage: "25Gi",
    maxModelLen: 16_384,
  },
};
export const tiny: StackModel = {
  name: "sums",
  source: hub,
  package: { kind: "s3" },
  serve: {
    ...serve,
    accelerator: undefined,
    gpus: 0,
    cpu: "1",
    cpuLimit: "2",
    memory: "3Gi",
    maxModelLen: 256,
  },
};
export const l4 = {
  gpuProduct: "NVIDIA-L4",
  memory: "23034Mi",
  memoryBandwidth: 300,
  instances: {
    "g6.4xlarge": { gpus: 1, cpu: "16", memory: "64Gi", hourlyUsd: 1.3232 },
    "g6.12xlarge": { gpus: 4, cpu: "48", memory: "192Gi", hourlyUsd: 4.6016 },
  },
};
export const stack: Stack = {
  platform: "openshift",
  models: [quantized, full],
  accelerators: { l4 },
  project: { quota: {}, limits: {} },
  endpoint: { mesh: false },
  servingRuntimes: { "vllm-cuda": { args: [] }, "vllm-cpu": { args: [] } },
  storage: { size: "120Gi" },
};

export const task = { name: "pull", cpu: "100m", cpuLimit: "1", memory: "256Mi", memoryLimit: "1Gi" };
export const defaults = { cpu: "50m", cpuLimit: "500m", memory: "64Mi", memoryLimit: "256Mi" };
export const size = (changes: Partial<Stack>) =>
  sizeStack({ ...stack, ...changes }, () => [task, task], defaults);
/** The stack with its first model changed. */
export const withServe = (changes: Partial<StackServe>, more: Partial<Stack> = {}) =>
  size({ ...more, models: [{ ...quantized, serve: { ...serve, ...changes } }, full] });
