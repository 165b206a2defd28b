import { expect, test } from "vitest";
import { closed, closedDocument } from "./close.ts";

const text = { type: "string" };

test("an object accepts only named fields, at every depth", () => {
  const schema = {
    type: "object",
    properties: { list: { type: "array", items: { properties: { a: text } } } },
  };
  expect(closed(schema)).toEqual({
    type: "object",
    properties: {
      list: { type: "array", items: { properties: { a: text }, additionalProperties: false } },
    },
    additionalProperties: false,
  });
});

test("what the API leaves open stays open, and what it names there is still checked", () => {
  expect(closed({ type: "object" })).toEqual({ type: "object" });
  for (const open of ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"]) {
    const schema = { type: "object", properties: { a: { properties: { b: text } } }, [open]: true };
    expect(closed(schema)).toEqual({
      type: "object",
      properties: { a: { properties: { b: text }, additionalProperties: false } },
    });
  }
  expect(closed({ additionalProperties: text })).toEqual({ additionalProperties: text });
});

test("alternatives restrict values and close nothing", () => {
  const schema = { properties: { a: text, b: text }, oneOf: [{ properties: { a: { minLength: 1 } } }] };
  expect(closed(schema)).toMatchObject({
    oneOf: [{ properties: { a: { minLength: 1 } } }],
    additionalProperties: false,
  });
  expect(closed(schema).oneOf[0]).not.toHaveProperty("additionalProperties");
});

test("null, numbers or strings, and exclusive bounds are translated to JSON Schema", () => {
  expect(closed({ ...text, enum: ["a"], nullable: true })).toEqual({
    type: ["string", "null"],
    enum: ["a", null],
  });
  expect(closed({ anyOf: [text], nullable: true })).toEqual({
    anyOf: [{ type: "null" }, { anyOf: [text] }],
  });
  expect(closed({ "x-kubernetes-int-or-string": true })).toEqual({ type: ["integer", "string"] });
  expect(closed({ type: "number", minimum: 0, exclusiveMinimum: true })).toEqual({
    type: "number",
    minimum: 0,
    exclusiveMinimum: 0,
  });
});

test("descriptions and formats without effect are left out", () => {
  const words = {
    description: "d",
    default: "x",
    example: "x",
    format: "int32",
    "x-kubernetes-list-type": "map",
  };
  expect(closed({ type: "integer", ...words })).toEqual({ type: "integer" });
});

test("defaults are kept on request, at every depth", () => {
  const schema = { properties: { a: { items: { properties: { b: { ...text, default: "x" } } } } } };
  expect(closed(schema, { defaults: true }).properties.a.items.properties.b.default).toBe("x");
  expect(closed(schema).properties.a.items.properties.b).toEqual(text);
});

test("a case-insensitive pattern is one in JavaScript too", () => {
  const { pattern } = closed({ ...text, pattern: "^(?i)(abort|warn)?$" });
  expect(["ABORT", "warn", "", "stop"].map((value) => new RegExp(pattern).test(value))).toEqual([
    true,
    true,
    true,
    false,
  ]);
});

test.each([
  ["16Gi", true],
  ["1500m", true],
  ["0.5", true],
  ["1e3", true],
  ["16GB", false],
  ["lots", false],
])("quantity %s: %s", (value, valid) => {
  const name = "io.k8s.apimachinery.pkg.api.resource.Quantity";
  const { pattern } = closedDocument({ components: { schemas: { [name]: text } } }).components.schemas[name];
  expect(new RegExp(pattern).test(value)).toBe(valid);
});
