/** The stack outputs about its models: by name for scripts, as a table for people. */
import * as pulumi from "@pulumi/pulumi";
import { copyHourlyUsd, hourlyCost, hoursPerMonth, usdPerMillionTokens } from "../../sizing/cost.ts";
import type { Accelerator } from "../../sizing/placement.ts";
import { table } from "../../sizing/table.ts";
import type { Model } from "./model.ts";

type Results = Readonly<Record<string, string>>;

/**
 * US dollars. Each token price is the whole cost of one copy divided by its highest measured throughput, of output tokens or of
 * prompt tokens alone, as in the report of a comparison.
 */
export interface Cost {
  /** Cost of the minimum number of copies. */
  readonly hourlyUsd: number;
  readonly monthlyUsd: number;
  readonly usdPerMillionOutputTokens?: number;
  readonly usdPerMillionInputTokens?: number;
}

/** What a model costs; undefined if its price is unknown. `measured` are its benchmark's results. */
export function costOf(
  { serve, test }: Pick<Model["config"], "serve" | "test">,
  accelerators: Readonly<Record<string, Accelerator>>,
  measured: Results = {},
): Cost | undefined {
  const copy = copyHourlyUsd(serve, accelerators);
  if (copy === undefined) return undefined;
  const copies = serve.stopped ? 0 : (serve.autoscaling?.minReplicas ?? serve.replicas);
  const hourlyUsd = hourlyCost(copy, { least: copies, most: copies })?.least ?? 0;
  const output = Number(measured["output-tokens-per-second"] ?? 0);
  const input = Number(measured["requests-per-second"] ?? 0) * (test?.benchmark?.promptTokens ?? 0);
  return {
    hourlyUsd,
    monthlyUsd: hourlyUsd * hoursPerMonth,
    ...(output > 0 ? { usdPerMillionOutputTokens: usdPerMillionTokens(copy, output) } : {}),
    ...(input > 0 ? { usdPerMillionInputTokens: usdPerMillionTokens(copy, input) } : {}),
  };
}

/** Stack outputs of one model: its URLs, its storage, its origin and its measurements. */
export function modelOutputs(model: Model, accelerators: Readonly<Record<string, Accelerator>>) {
  const { config, imported, service, testing, comparison } = model;
  const { url, externalUrl, authentication } = service;
  const { storageUri, revision, registration, pipelineRun } = imported;
  return {
    url,
    externalUrl,
    apiKeySecret: authentication.kind === "apiKey" ? authentication.secret.name : undefined,
    storageUri,
    revision,
    registeredModelId: registration?.registeredModelId,
    modelVersionId: registration?.modelVersionId,
    pipelineRun,
    measured: testing?.results,
    comparison: comparison?.results,
    cost: pulumi.output(testing?.results).apply((results) => costOf(config, accelerators, results)),
  };
}

/** What is known about one model once all runs have completed. */
export interface Summary {
  readonly name: string;
  readonly measured?: Results | undefined;
  readonly comparison?: Results | undefined;
  readonly cost?: Cost | undefined;
}

/**
 * The models' figures as a table for people; the last lines are the URIs of the reports. Each line is an item of a YAML list,
 * which `up` shows line by line; it would show any other text as a single line with \n in it.
 */
export function summaryOf(
  models: readonly Model[],
  accelerators: Readonly<Record<string, Accelerator>>,
): pulumi.Output<string> {
  const summaries = models.map(({ config, testing, comparison }) =>
    pulumi.all([testing?.results, comparison?.results]).apply(([measured, comparison]) => ({
      name: config.name,
      measured,
      comparison,
      cost: costOf(config, accelerators, measured),
    })),
  );
  return pulumi.all(summaries).apply((rows) => asList(summaryLines(rows)));
}

const asList = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join("\n");

/** The lines of {@link summaryOf}. Cells of unknown values are empty. */
export function summaryLines(summaries: readonly Summary[]): string[] {
  const title = [
    "model",
    "accuracy",
    "recovery",
    "TTFT p95",
    "ITL p95",
    "output tokens/s",
    "$/hour",
    "$/1M output",
    "$/1M input",
  ];
  const rows = summaries.map(({ name, measured = {}, comparison = {}, cost }) => [
    name,
    firstScores(measured.scores),
    shares(comparison.recovery),
    withUnit(measured["ttft-ms-p95"], "ms"),
    withUnit(measured["itl-ms-p95"], "ms"),
    withUnit(measured["output-tokens-per-second"], ""),
    ...[cost?.hourlyUsd, cost?.usdPerMillionOutputTokens, cost?.usdPerMillionInputTokens].map(dollars),
  ]);
  const reports = summaries.flatMap(({ name, comparison }) =>
    comparison?.["report-uri"] ? [`report of ${name}: ${comparison["report-uri"]}`] : [],
  );
  return [...table([title, ...rows]), ...reports];
}

/** The first score of each task, which is the one that the task's authors report. */
function firstScores(scores: string | undefined): string {
  const tasks = Object.entries(parsed<Record<string, number>>(scores));
  return tasks
    .flatMap(([task, metrics]) => {
      const [first] = Object.entries(metrics);
      return first ? [`${task} ${first[1].toFixed(3)}`] : [];
    })
    .join(", ");
}

function shares(recovery: string | undefined): string {
  // There is no share of a base that scored 0.
  return Object.entries(parsed<number | null>(recovery))
    .map(([task, share]) => `${task} ${share === null ? "–" : `${(100 * share).toFixed(1)} %`}`)
    .join(", ");
}

function parsed<Value>(text: string | undefined): Readonly<Record<string, Value>> {
  return text ? JSON.parse(text) : {};
}

const withUnit = (value: string | undefined, unit: string): string =>
  value ? `${Number(value).toFixed(1)} ${unit}`.trimEnd() : "";

/** Four significant digits: prices of tokens are small. */
const dollars = (usd: number | undefined): string =>
  usd === undefined ? "" : String(Number(usd.toPrecision(4)));
