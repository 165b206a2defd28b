import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { costOf, summaryLines, summaryOf } from "./model-outputs.ts";

const l4 = {
  gpuProduct: "NVIDIA-L4",
  instances: { "g6.12xlarge": { gpus: 4, cpu: "48", memory: "192Gi", hourlyUsd: 4.6016 } },
};
// biome-ignore lint/suspicious/noExplicitAny: the parts of a model that decide its cost.
const served = (serve: object, test?: object): any => ({
  serve: { gpus: 1, accelerator: "l4", cpu: "6", memory: "16Gi", replicas: 1, stopped: false, ...serve },
  test,
});

test("a model costs what its copies cost, and token prices follow from one copy's throughput", () => {
  const benchmark = { promptTokens: 256, outputTokens: 128 };
  // Answers of 125 tokens, because some ended early: prompt tokens are counted by requests.
  const measured = { "output-tokens-per-second": "1000", "requests-per-second": "8" };
  const cost = costOf(served({ replicas: 2 }, { benchmark }), { l4 }, measured);
  expect(cost?.hourlyUsd).toBeCloseTo(2.3008, 9);
  expect(cost?.monthlyUsd).toBeCloseTo(2.3008 * 730, 6);
  expect(cost?.usdPerMillionOutputTokens).toBeCloseTo(1.1504 / 3.6, 9);
  expect(cost?.usdPerMillionInputTokens).toBeCloseTo(1.1504 / ((8 * 256 * 3600) / 1e6), 9);
});

test("unknown values are omitted", () => {
  expect(costOf(served({ gpus: 0 }), {})).toBeUndefined();
  expect(costOf(served({}), { l4 })).toEqual({
    hourlyUsd: expect.closeTo(1.1504, 9),
    monthlyUsd: expect.closeTo(839.792, 6),
  });
  expect(costOf(served({ stopped: true }), { l4 })?.hourlyUsd).toBe(0);
});

test("the table has a line for each model, and the URI of each report", () => {
  const measured = {
    scores: '{"arc_easy":{"acc":0.8312,"acc_norm":0.8},"sums":{"exact_match":1}}',
    "ttft-ms-p95": "41.25",
    "itl-ms-p95": "5",
    "output-tokens-per-second": "1234.567",
  };
  const comparison = {
    recovery: '{"arc_easy":0.98765,"sums":null}',
    "report-uri": "s3://b/reports/q/1/report.html",
  };
  const cost = {
    hourlyUsd: 1.3232,
    monthlyUsd: 965.9,
    usdPerMillionOutputTokens: 0.297712,
    usdPerMillionInputTokens: 0.15,
  };
  expect(summaryLines([{ name: "full" }, { name: "quantized", measured, comparison, cost }])).toEqual([
    "model      accuracy                    recovery                 TTFT p95  ITL p95  output tokens/s  $/hour  $/1M output  $/1M input",
    "full",
    "quantized  arc_easy 0.831, sums 1.000  arc_easy 98.8 %, sums –  41.3 ms   5.0 ms   1234.6           1.323   0.2977       0.15",
    "report of quantized: s3://b/reports/q/1/report.html",
  ]);
});

test("the table as an output is a YAML list of its lines, which up shows line by line", async () => {
  const measured = { scores: '{"arc_easy":{"acc":0.8312},"sums":{"exact_match":1}}', "ttft-ms-p95": "41.25" };
  const comparison = { recovery: '{"sums":null}', "report-uri": "s3://b/reports/q/1/report.html" };
  const model = { ...served({}), name: "quantized" };
  // biome-ignore lint/suspicious/noExplicitAny: the parts of a model's life that the table is made of.
  const life: any = {
    config: model,
    testing: { results: pulumi.output(measured) },
    comparison: { results: pulumi.output(comparison) },
  };
  const text = await new Promise<string>((resolve) => summaryOf([life], { l4 }).apply(resolve));
  const cost = costOf(model, { l4 }, measured);
  const [title, row, report] = summaryLines([{ name: "quantized", measured, comparison, cost }]);
  expect(text).toBe(`- ${title}\n- ${row}\n- ${report}`);
  expect(parse(text)).toEqual([title, row, { "report of quantized": "s3://b/reports/q/1/report.html" }]);
});
