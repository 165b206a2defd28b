import fc from "fast-check";
import { expect, test } from "vitest";
import { limitProblems } from "./limit-range.ts";
import { modelcar, storageInitializer } from "./platform-containers.ts";

const model = { name: "mistral-24b", cpu: "16", cpuLimit: "16", memory: "80Gi", memoryLimit: "80Gi" };

test("without bounds everything is admitted", () => {
  expect(limitProblems({}, [model, modelcar])).toEqual([]);
  expect(limitProblems({ max: {}, min: { cpu: undefined } }, [model])).toEqual([]);
});

test("the largest container is named, including KServe's", () => {
  const bounds = { max: { cpu: "16", memory: "16Gi" }, min: { cpu: "50m", memory: "32Mi" } };
  const quantized = { ...model, name: "mistral-24b-quantized", memory: "16Gi", memoryLimit: "16Gi" };
  expect(limitProblems(bounds, [quantized, modelcar, storageInitializer("openshift")])).toEqual([
    { bound: "min", resource: "cpu", given: "50m", need: "10m", container: "KServe's modelcar container" },
    {
      bound: "max",
      resource: "memory",
      given: "16Gi",
      need: "24Gi",
      container: "KServe's storage initializer",
    },
    {
      bound: "min",
      resource: "memory",
      given: "32Mi",
      need: "15Mi",
      container: "KServe's modelcar container",
    },
  ]);
  expect(limitProblems(bounds, [quantized, storageInitializer("kubernetes")])).toEqual([]);
});

test("the suggested bound admits everything", () => {
  const amount = fc.integer({ min: 1, max: 100_000 });
  const containers = fc.array(
    fc.tuple(amount, amount, amount, amount).map(([cpu, cpuLimit, memory, memoryLimit]) => ({
      cpu: `${cpu}m`,
      cpuLimit: `${cpuLimit}m`,
      memory: `${memory}Mi`,
      memoryLimit: `${memoryLimit}Mi`,
    })),
  );
  fc.assert(
    fc.property(containers, fc.constantFrom("cpu" as const, "memory" as const), (all, resource) => {
      const tight = { max: { [resource]: "0" }, min: { [resource]: "1Pi" } };
      const needed: { max?: object; min?: object } = {};
      for (const { bound, need } of limitProblems(tight, all)) needed[bound] = { [resource]: need };
      expect(Object.keys(needed)).toHaveLength(all.length > 0 ? 2 : 0);
      expect(limitProblems(needed, all)).toEqual([]);
    }),
  );
});
