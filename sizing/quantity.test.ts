import fc from "fast-check";
import { expect, test } from "vitest";
import { formatBytes, formatCpu, isQuantity, parseQuantity } from "./quantity.ts";

test.each([
  ["1", 1],
  ["250m", 0.25],
  ["1.5", 1.5],
  ["16Gi", 16 * 2 ** 30],
  ["500M", 5e8],
])("%s is %d", (text, value) => {
  expect(parseQuantity(text)).toBeCloseTo(value, 9);
});

test.each(["", "1 Gi", "-1", "1gb", "Gi", "1e3"])("%o is no quantity", (text) => {
  expect(isQuantity(text)).toBe(false);
  expect(() => parseQuantity(text)).toThrow("not a Kubernetes quantity");
});

test("quantities are written as the API server stores them", () => {
  expect([formatCpu(2), formatCpu(1.5), formatCpu(0.1 + 0.2)]).toEqual(["2", "1500m", "300m"]);
  expect([formatBytes(3072 * 2 ** 20), formatBytes(1536 * 2 ** 20), formatBytes(0)]).toEqual([
    "3Gi",
    "1536Mi",
    "0",
  ]);
});

test("formatting and parsing gives the same amount", () => {
  fc.assert(fc.property(fc.nat(), (bytes) => parseQuantity(formatBytes(bytes)) === bytes));
  fc.assert(fc.property(fc.nat(1e6), (m) => Math.abs(parseQuantity(formatCpu(m / 1000)) - m / 1000) < 1e-9));
});
