import { describe, expect, it } from "vitest";
import { at, equal, hasUnknowns, plainObject, secret, withSecretsOf } from "./properties.ts";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

describe("plainObject and withSecretsOf", () => {
  const marked = { a: secret({ b: 1 }), list: [{ c: secret("x") }, 2], nothing: null };

  it("takes marks off and puts them back", () => {
    const plain = plainObject(marked);
    expect(plain).toEqual({ a: { b: 1 }, list: [{ c: "x" }, 2] });
    expect(withSecretsOf(plain, marked)).toEqual({ a: secret({ b: 1 }), list: [{ c: secret("x") }, 2] });
  });

  it("marks the new value, not the old one", () => {
    expect(withSecretsOf({ a: "new", b: 1 }, { a: secret("old") })).toEqual({ a: secret("new"), b: 1 });
  });
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

it("reads values by path", () => {
  expect(at({ a: [{ b: 1 }] }, "a", 0, "b")).toBe(1);
  expect(at({ a: [{ b: 1 }] }, "a", "b")).toBeUndefined();
});
