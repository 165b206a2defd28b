import { expect, test } from "vitest";
import { digestOf } from "./digest.ts";

test("key order and undefined keys make no difference, at any depth", () => {
  const one = digestOf({ a: 1, b: { c: [1, { x: 1, y: 2 }], d: undefined } });
  const other = digestOf({ b: { c: [1, { y: 2, x: 1 }] }, a: 1 });
  expect(one).toBe(other);
  expect(one).toMatch(/^[0-9a-f]{64}$/);
});

test("a value, a key and the order of a list make a difference", () => {
  const digests = [{ a: 1 }, { a: 2 }, { b: 1 }, { a: [1, 2] }, { a: [2, 1] }, { a: "1" }].map(digestOf);
  expect(new Set(digests).size).toBe(digests.length);
});
