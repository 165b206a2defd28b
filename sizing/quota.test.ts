import { expect, test } from "vitest";
import { quotaFor } from "./quota.ts";

const task = { cpu: "500m", memory: "1Gi", memoryLimit: "2Gi" };
const service = { cpu: "1", memory: "3Gi", memoryLimit: "3Gi" };

test("one model that is recreated: itself, the two largest tasks, Tekton's helper pod", () => {
  const hard = quotaFor({
    services: [{ ...service, rollout: "Recreate" }],
    tasks: [task, { cpu: "100m", memory: "2Gi", memoryLimit: "2Gi" }],
    parallelRuns: 1,
    claims: ["5Gi"],
  });
  expect(hard).toEqual({
    "requests.cpu": "1650m",
    "requests.memory": "6244Mi",
    "limits.memory": "7268Mi",
    "requests.nvidia.com/gpu": "0",
    "requests.storage": "5Gi",
    persistentvolumeclaims: "1",
  });
});

test("a rolling update needs room for a second copy, GPUs included", () => {
  const gpu = { ...service, gpus: 4 };
  const hard = (rollout: "RollingUpdate" | "Recreate") =>
    quotaFor({ services: [{ ...gpu, rollout }], tasks: [], parallelRuns: 0, claims: [] });
  expect(hard("Recreate")).toMatchObject({ "requests.nvidia.com/gpu": "4", "requests.memory": "3Gi" });
  expect(hard("RollingUpdate")).toMatchObject({ "requests.nvidia.com/gpu": "8", "requests.memory": "6Gi" });
});

test("two runs at a time need the largest task twice", () => {
  const hard = (parallelRuns: number) => quotaFor({ services: [], tasks: [task], parallelRuns, claims: [] });
  expect(hard(2)).toMatchObject({ "requests.cpu": "1100m", "limits.memory": "4296Mi" });
});
