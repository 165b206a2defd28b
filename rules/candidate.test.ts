import { expect, test } from "vitest";
import { isCompared, needsCandidate } from "./candidate.ts";

const gate = { recovery: 0.97 };

test("a tested model that has a gate or is stopped is measured as a candidate", () => {
  expect(needsCandidate({ serve: { stopped: false }, test: { evaluate: { gate } } })).toBe(true);
  expect(needsCandidate({ serve: { stopped: false }, test: { benchmark: { gate } } })).toBe(true);
  expect(needsCandidate({ serve: { stopped: true }, test: { evaluate: {} } })).toBe(true);
  expect(needsCandidate({ serve: { stopped: false }, test: { evaluate: {} } })).toBe(false);
  expect(needsCandidate({ serve: { stopped: true } })).toBe(false);
});

test("a base or a gate requires a comparison", () => {
  expect(isCompared({ test: { base: "sums" } })).toBe(true);
  expect(isCompared({ test: { benchmark: { gate } } })).toBe(true);
  expect(isCompared({ test: { benchmark: {} } })).toBe(false);
  expect(isCompared({})).toBe(false);
});

test("values of a config that is not validated yet are no error", () => {
  expect(needsCandidate({ serve: null, test: null })).toBe(false);
  expect(needsCandidate({ serve: undefined, test: { evaluate: null, benchmark: { gate: null } } })).toBe(
    false,
  );
});
