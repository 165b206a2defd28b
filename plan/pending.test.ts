import { expect, test } from "vitest";
import { modelTesting } from "../pipelines/model-testing.ts";
import { filled, pending } from "./pending.ts";

const params = [
  { name: "MODEL_NAME", value: "sums" },
  { name: "ENDPOINT_URL", value: pending("endpointUrl") },
];
const run = {
  pipeline: modelTesting,
  expectedResults: ["scores"],
  spec: { pipelineRef: { name: "x" }, params },
};

test("placeholders get their values, and known values stay", () => {
  // biome-ignore lint/suspicious/noExplicitAny: a part of a run's spec
  const { spec } = filled(run as any, { endpointUrl: "http://sums" });
  expect(spec.params).toEqual([
    { name: "MODEL_NAME", value: "sums" },
    { name: "ENDPOINT_URL", value: "http://sums" },
  ]);
});

test("a missing value is named", () => {
  // biome-ignore lint/suspicious/noExplicitAny: a part of a run's spec
  expect(() => filled(run as any, {})).toThrow("param ENDPOINT_URL has no value for endpointUrl");
});
