import { expect, it } from "vitest";
import { equal, hasUnknowns, plainObject, secret } from "./properties.ts";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

it("strips secret marks and nulls", () => {
  const marked = { a: secret({ b: 1 }), list: [{ c: secret("x") }, 2], nothing: null };
  expect(plainObject(marked)).toEqual({ a: { b: 1 }, list: [{ c: "x" }, 2] });
});

it("finds unknown values at any depth", () => {
  expect(hasUnknowns({ a: [{ b: secret(UNKNOWN) }] })).toBe(true);
  expect(hasUnknowns({ a: [{ b: "known" }] })).toBe(false);
});

it("compares deeply", () => {
  expect(equal({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toBe(true);
  expect(equal({ a: [1] }, { a: [1, 2] })).toBe(false);
  expect(equal({ a: 1 }, { a: 1, b: undefined })).toBe(true);
  expect(equal([], {})).toBe(false);
});
