import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PodDemand, ServiceDemand, Workloads } from "./demand.ts";
import { parseQuantity } from "./quantity.ts";
import { quotaFor, quotaShortages } from "./quota.ts";

const task = { cpu: "500m", cpuLimit: "1", memory: "1Gi", memoryLimit: "2Gi" };
const service: ServiceDemand = {
  name: "granite",
  cpu: "1",
  cpuLimit: "2",
  memory: "3Gi",
  memoryLimit: "3Gi",
  rollout: "Recreate",
};
const run = (...tasks: PodDemand[]) => ({ tasks });
const only = (...services: ServiceDemand[]): Workloads => ({
  services,
  runs: [],
  claims: [],
});

test("one model with Recreate: itself, the two largest tasks, Tekton's affinity assistant", () => {
  const hard = quotaFor({
    services: [service],
    runs: [run(task, { cpu: "100m", cpuLimit: "100m", memory: "2Gi", memoryLimit: "2Gi" })],
    claims: ["5Gi", "120Gi"],
  });
  expect(hard).toEqual({
    "requests.cpu": "1650m",
    "requests.memory": "6244Mi",
    "limits.cpu": "3150m",
    "limits.memory": "7268Mi",
    "requests.nvidia.com/gpu": "0",
    "requests.storage": "125Gi",
    persistentvolumeclaims: "2",
  });
});

test("a rolling update needs room for one more copy, GPUs included", () => {
  const gpu = { ...service, gpus: 4 };
  const hard = (more: Partial<ServiceDemand>) => quotaFor(only({ ...gpu, ...more }));
  expect(hard({ rollout: "Recreate" })).toMatchObject({
    "requests.nvidia.com/gpu": "4",
    "requests.memory": "3Gi",
  });
  expect(hard({ rollout: "RollingUpdate" })).toMatchObject({
    "requests.nvidia.com/gpu": "8",
    "requests.memory": "6Gi",
  });
});

test("replicas that autoscaling may add count, stopped models do not", () => {
  const autoscaling = { minReplicas: 1, maxReplicas: 3 };
  expect(quotaFor(only({ ...service, autoscaling }))).toMatchObject({ "requests.cpu": "3" });
  expect(quotaFor(only(service, { ...service, replicas: 2 }))).toMatchObject({ "requests.cpu": "3" });
  expect(quotaFor(only({ ...service, autoscaling, stopped: true }))).toMatchObject({ "requests.cpu": "0" });
});

test("two runs at a time need the largest task twice", () => {
  const hard = quotaFor({ ...only(), runs: [run(task), run(task)] });
  expect(hard).toMatchObject({ "requests.cpu": "1100m", "limits.memory": "4296Mi" });
});

test("runs with GPUs wait for each other: GPUs count once, other resources for each run", () => {
  const job = { ...task, gpus: 4 };
  const hard = quotaFor({
    ...only({ ...service, gpus: 1 }),
    runs: [run(job, { ...job, gpus: 1 }), run(job), run(task)],
  });
  expect(hard).toMatchObject({ "requests.nvidia.com/gpu": "6", "requests.cpu": "3150m" });
});

test("a candidate runs at the same time as the tasks that measure it, and as the served model", () => {
  const candidate = { ...service, gpus: 1 };
  const measured = { ...only({ ...service, gpus: 1 }), runs: [{ tasks: [task], candidate }] };
  expect(quotaFor(measured)).toMatchObject({ "requests.cpu": "2550m", "requests.nvidia.com/gpu": "2" });
  // No task that uses GPUs runs meanwhile.
  const compressed = { ...measured, runs: [{ tasks: [{ ...task, gpus: 4 }], candidate }] };
  expect(quotaFor(compressed)).toMatchObject({ "requests.nvidia.com/gpu": "5" });
});

test("ephemeral storage is limited only if a pod requests it", () => {
  expect(quotaFor(only(service))).not.toHaveProperty(["requests.ephemeral-storage"]);
  const hard = quotaFor(only({ ...service, ephemeralStorage: "25Gi", replicas: 2 }));
  expect(hard).toMatchObject({ "requests.ephemeral-storage": "50Gi" });
});

test("unless all containers have a CPU limit, the quota has none: it would refuse the others", () => {
  const { cpuLimit: _, ...unlimited } = task;
  const hard = (more: Partial<Workloads>) => quotaFor({ ...only(service), ...more });
  expect(hard({ runs: [run(task)] })).toHaveProperty(["limits.cpu"]);
  expect(hard({ runs: [run(unlimited, task, task)] })).not.toHaveProperty(["limits.cpu"]);
  expect(hard({ runs: [run(task, task, unlimited)] })).not.toHaveProperty(["limits.cpu"]);
});

describe("overrides", () => {
  // The quota of the requirement documents.
  const seed = {
    "requests.cpu": "8",
    "requests.memory": "64Gi",
    "limits.cpu": "16",
    "limits.memory": "128Gi",
    "requests.nvidia.com/gpu": "4",
  };
  const quantized = { ...service, name: "mistral-24b-quantized", cpu: "6", cpuLimit: "6", gpus: 1 };
  const full = { ...quantized, name: "mistral-24b", cpu: "16", cpuLimit: "16", gpus: 4 };

  test("replace computed entries, and may add some", () => {
    expect(quotaFor(only(service), { "requests.cpu": "8", pods: "10" })).toMatchObject({
      "requests.cpu": "8",
      "limits.cpu": "2",
      pods: "10",
    });
  });

  test("too small: with the needed sum", () => {
    const shortages = quotaShortages(only(quantized, { ...full, rollout: "RollingUpdate" }), seed);
    expect(shortages.map(({ resource, given, need }) => [resource, given, need.quantity, need.sum])).toEqual([
      ["requests.cpu", "8", "38", "mistral-24b-quantized 6 + mistral-24b 2 × 16"],
      ["limits.cpu", "16", "38", "mistral-24b-quantized 6 + mistral-24b 2 × 16"],
      ["requests.nvidia.com/gpu", "4", "9", "mistral-24b-quantized 1 + mistral-24b 2 × 4"],
    ]);
  });

  test("the quota of the requirements is enough for the quantized model alone", () => {
    expect(quotaShortages(only(quantized), seed)).toEqual([]);
  });

  test("cpu and memory are aliases of their requests", () => {
    expect(quotaShortages(only(quantized), { cpu: "5" })).toMatchObject([{ resource: "cpu", given: "5" }]);
    expect(quotaShortages(only(quantized), { cpu: "6", pods: "1" })).toEqual([]);
  });
});

const quantity = fc.integer({ min: 1, max: 64_000 }).map((thousandths) => `${thousandths}m`);
const bytes = fc.integer({ min: 1, max: 512 }).map((gibibytes) => `${gibibytes}Gi`);
const container = fc.record({ cpu: quantity, cpuLimit: quantity, memory: bytes, memoryLimit: bytes });
const services = fc.array(
  fc
    .tuple(
      container,
      fc.record({
        rollout: fc.constantFrom("RollingUpdate" as const, "Recreate" as const),
        replicas: fc.integer({ min: 1, max: 5 }),
        gpus: fc.integer({ min: 0, max: 8 }),
        stopped: fc.boolean(),
        sidecars: fc.array(container, { maxLength: 2 }),
        initContainers: fc.array(container, { maxLength: 2 }),
      }),
    )
    .map(([main, more]) => ({ ...main, ...more })),
  { maxLength: 5 },
);

test("the computed quota is always enough, and any smaller entry is not", () => {
  fc.assert(
    fc.property(
      services,
      fc.array(fc.array(container, { maxLength: 4 }), { maxLength: 3 }),
      (models, runs) => {
        const workloads = { services: models, runs: runs.map((tasks) => ({ tasks })), claims: ["1Gi"] };
        const hard = quotaFor(workloads);
        expect(quotaShortages(workloads, hard)).toEqual([]);
        for (const [resource, needed] of Object.entries(hard)) {
          if (parseQuantity(needed) === 0) continue;
          const less = String(Math.floor(parseQuantity(needed) * 0.999 * 1e3)).concat("m");
          expect(quotaShortages(workloads, { [resource]: less })).toHaveLength(1);
        }
      },
    ),
  );
});
