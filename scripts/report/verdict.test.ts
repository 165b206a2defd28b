import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { comparisonJson, verdictOf } from "./verdict.ts";

const gate = {
  figure: "recovery",
  task: "sums",
  metric: "exact_match",
  value: 0.9312345,
  unit: "",
  relation: "≥",
  limit: 0.95,
  passed: false,
};
const comparison = {
  version: 1,
  passed: false,
  model: { name: "small", version: "2" },
  base: { name: "big", version: "1" },
  gates: [
    gate,
    {
      ...gate,
      figure: "ttft-ms-p95",
      task: null,
      metric: null,
      value: 12,
      unit: "ms",
      relation: "≤",
      limit: 500,
      passed: true,
    },
  ],
};
const verdict = (change: object) => verdictOf(JSON.stringify({ ...comparison, ...change }));

test("a failed gate is shown with its figure and limit; the others are counted", () => {
  expect(verdict({})).toEqual({
    compared: "small 2, compared with big 1",
    lines: ["FAILED: 1 of 2 gates", "recovery of sums (exact_match) is 0.9312, must be ≥ 0.95"],
  });
  expect(verdict({ passed: true, gates: [{ ...gate, value: 1, passed: true }] })?.lines).toEqual([
    "passed: 1 gate",
  ]);
  expect(verdict({ passed: true, gates: [], base: null })).toEqual({
    compared: "small 2",
    lines: ["passed: no gate was set"],
  });
});

test.each([
  [{ value: 0.94999999 }, "is 0.94999999, must be ≥ 0.95"],
  [{ value: null }, "is undefined, must be ≥ 0.95"],
  [
    {
      figure: "itl-ms-p95",
      task: null,
      metric: null,
      value: 500.00001,
      unit: "ms",
      relation: "≤",
      limit: 500,
    },
    "itl-ms-p95 is 500.00001, must be ≤ 500 ms",
  ],
])("%j is shown on its side of the limit", (change, words) => {
  expect(verdict({ gates: [{ ...gate, ...change }] })?.lines[1]).toContain(words);
});

test.each([
  "",
  "no json",
  "{}",
  JSON.stringify({ ...comparison, version: 2 }),
  JSON.stringify({ ...comparison, gates: undefined }),
])("%j is not a known comparison", (text) => {
  expect(verdictOf(text)).toBeUndefined();
});

test("the fields read from comparison.json are those that the task documents", () => {
  const documented = readFileSync("tasks/compare-models/comparison-json.md", "utf8");
  const names = (schema: z.core.JSONSchema.JSONSchema): string[] => [
    ...Object.keys(schema.properties ?? {}),
    ...[...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? []), schema.items ?? []]
      .flat()
      .flatMap((part) => (typeof part === "object" ? names(part) : [])),
  ];
  const read = names(z.toJSONSchema(comparisonJson));
  expect(read).toEqual(expect.arrayContaining(["gates", "relation", "base", "name"]));
  for (const name of read) expect(documented).toContain(`\`${name}\``);
});
