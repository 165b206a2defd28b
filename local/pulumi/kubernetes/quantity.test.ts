import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalQuantity, withCanonicalQuantities } from "./quantity.ts";

it.each([
  ["1000m", "1"],
  ["1500m", "1500m"],
  [0.5, "500m"],
  ["0.5", "500m"],
  [4, "4"],
  ["1024Mi", "1Gi"],
  ["1000Mi", "1000Mi"],
  ["1.5Gi", "1536Mi"],
  ["1000M", "1G"],
  ["100k", "100k"],
  ["1e3", "1k"],
  ["0", "0"],
  ["0Gi", "0"],
  ["many", "many"],
])("writes %s as %s", (given, expected) => {
  expect(canonicalQuantity(given)).toBe(expected);
});

it("is stable", () => {
  const suffix = fc.constantFrom("", "m", "k", "M", "G", "Ki", "Mi", "Gi", "Ti");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e6 }), suffix, (count, unit) => {
      const once = canonicalQuantity(`${count}${unit}`);
      expect(canonicalQuantity(once)).toBe(once);
    }),
  );
});

it("changes resource quantities only", () => {
  const task = {
    params: [{ name: "p", default: { count: "1000m" } }],
    steps: [{ computeResources: { limits: { cpu: 1 } } }],
  };
  expect(withCanonicalQuantities("Task", { spec: task })).toEqual({
    spec: { ...task, steps: [{ computeResources: { limits: { cpu: "1" } } }] },
  });
  expect(withCanonicalQuantities("LimitRange", { spec: { limits: [{ default: { cpu: "0.5" } }] } })).toEqual({
    spec: { limits: [{ default: { cpu: "500m" } }] },
  });
});
