import fc from "fast-check";
import { expect, test } from "vitest";
import { allocatable, fitsNode, nodesNeeded } from "./nodes.ts";

const gib = 2 ** 30;
const small = { gpus: 1, cpu: "16", memory: "64Gi" };
const large = { gpus: 4, cpu: "48", memory: "192Gi" };

// Reserved memory in GiB as OpenShift's automatic node sizing gives it (harche/openshift-node-sizing lists these).
test.each([
  [8, 1.8],
  [16, 2.6],
  [32, 3.56],
  [64, 5.48],
  [128, 9.32],
  [256, 11.88],
])("of %d GiB the system reserves %d", (memory, reserved) => {
  const room = allocatable({ gpus: 1, memory: `${memory}Gi` });
  expect(memory - room.memory / gib - 100 / 1024).toBeCloseTo(reserved, 2);
});

test("half a core is reserved, more only on very large nodes", () => {
  expect([16, 48, 192, 448].map((cpu) => cpu - allocatable({ gpus: 1, cpu: String(cpu) }).cpu)).toEqual([
    0.5,
    0.5,
    expect.closeTo(0.55, 5),
    expect.closeTo(1.19, 5),
  ]);
  expect(allocatable({ gpus: 8 })).toEqual({
    gpus: 8,
    cpu: Number.POSITIVE_INFINITY,
    memory: Number.POSITIVE_INFINITY,
  });
});

test("both models of the requirements fit on their nodes, the full one not on the small node", () => {
  const quantized = { gpus: 1, cpu: 6, memory: 16 * gib };
  const full = { gpus: 4, cpu: 16, memory: 80 * gib };
  expect(fitsNode(quantized, allocatable(small))).toBe(true);
  expect(fitsNode(full, allocatable(large))).toBe(true);
  expect(fitsNode(full, allocatable(small))).toBe(false);
});

test("nodes: by GPUs, by CPU, by memory", () => {
  const pod = (gpus: number, cpu: number, memory: number) => ({ gpus, cpu, memory: memory * gib });
  expect(nodesNeeded([], large)).toBe(0);
  expect(nodesNeeded([pod(1, 4, 16), pod(3, 4, 16), pod(4, 4, 16)], large)).toBe(2);
  expect(nodesNeeded([pod(1, 30, 16), pod(1, 30, 16)], large)).toBe(2);
  expect(nodesNeeded([pod(1, 4, 100), pod(1, 4, 100)], large)).toBe(2);
  // Fits on no node; that is reported elsewhere.
  expect(nodesNeeded([pod(8, 4, 16)], large)).toBe(1);
});

test("never fewer nodes than the sum needs, and never more than pods", () => {
  const pods = fc.array(
    fc.record({
      gpus: fc.integer({ min: 1, max: 4 }),
      cpu: fc.integer({ min: 1, max: 40 }),
      memory: fc.integer({ min: 1, max: 150 }).map((each) => each * gib),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(pods, (all) => {
      const room = allocatable(large);
      const needed = nodesNeeded(all, large);
      for (const resource of ["gpus", "cpu", "memory"] as const) {
        const sum = all.reduce((total, pod) => total + pod[resource], 0);
        expect(needed * room[resource]).toBeGreaterThanOrEqual(sum);
      }
      expect(needed).toBeLessThanOrEqual(all.length);
    }),
  );
});
