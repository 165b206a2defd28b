/** Sizing of a whole stack: errors, warnings and a table. */
import { claimFindings, limitFindings, nodeFindings, quotaFindings } from "./cluster-report.ts";
import {
  type CostRange,
  copyHourlyUsd,
  decodeBound,
  hourlyCost,
  hoursPerMonth,
  totalCost,
  usdPerMillionTokens,
} from "./cost.ts";
import { type ContainerDemand, type PodDemand, podCounts } from "./demand.ts";
import { type Findings, gib, joinFindings, keyPath } from "./finding.ts";
import { isDataSheetFigure, type MemoryFit, usableMemory } from "./memory.ts";
import { type MemoryReport, memoryReport } from "./memory-report.ts";
import { schedulerLimits } from "./overhead.ts";
import { parseQuantity } from "./quantity.ts";
import { quotaFor, quotaNeeds } from "./quota.ts";
import { type Stack, type StackModel, serviceDemand, workloadsOf } from "./stack.ts";
import { table } from "./table.ts";

export interface SizingReport extends Findings {
  /** A short table: each model's memory and cost, the needed quota and the declared one, nodes. */
  readonly lines: readonly string[];
}

/**
 * Checks that models fit their GPUs, pods their nodes and the LimitRange, and everything together the quota. Errors and warnings
 * start with the config key, such as modelcar:models[0].serve.gpus. Pure; accepts the parsed config.
 *
 * @param tasksOf the resources of the task pods of a model's pipeline runs
 * @param containerDefaults the LimitRange's values for containers that set none
 */
export function sizeStack<Model extends StackModel>(
  stack: Stack & { readonly models: readonly Model[] },
  tasksOf: (model: Model) => readonly PodDemand[],
  containerDefaults: ContainerDemand,
): SizingReport {
  const workloads = workloadsOf(stack, tasksOf);
  const memory = stack.models.map((_, index) => memoryReport(stack, index));
  const nodes = nodeFindings(stack);
  const findings = joinFindings([
    ...memory,
    quotaFindings(workloads, stack.project.quota),
    limitFindings(stack, workloads, containerDefaults),
    nodes,
    claimFindings(stack),
    acceleratorFindings(stack),
  ]);
  const hard = quotaFor(workloads, stack.project.quota);
  const quota = quotaNeeds(workloads).map(({ resource, quantity }) => [
    resource,
    quantity,
    hard[resource] ?? "",
  ]);
  return {
    ...findings,
    lines: [
      ...modelTable(stack, memory),
      ...memory.flatMap(({ note }) => (note ? [note] : [])),
      ...table([["namespace", "needed", "quota"], ...quota]),
      ...nodes.counts
        .filter(({ rolling }) => rolling > 0)
        .map(({ type, gpus, nodes: count, rolling }) => {
          const more = rolling > count ? `, ${rolling} during rollouts` : "";
          return `nodes: ${count} × ${type} (GPUs: ${gpus})${more}`;
        }),
    ],
  };
}

/** One row for each model, and the total of the known costs. */
function modelTable(stack: Stack, memory: readonly MemoryReport[]): string[] {
  const costs = stack.models.map((model) => costOf(stack, model));
  const title = [
    "model",
    "GPUs",
    "weights",
    "overhead",
    "KV cache",
    "left",
    "concurrency",
    "$/hour",
    "$/month",
    "$/1M output",
    "$/1M input",
  ];
  const rows = stack.models.map((model, index) => {
    const { gpus, accelerator, maxModelLen, stopped } = model.serve;
    const fit = memory[index]?.fit;
    return [
      stopped ? `${model.name} (stopped)` : model.name,
      gpus > 0 ? `${gpus} × ${accelerator}` : "",
      ...(fit ? [fit.weights, fit.overhead, fit.keyValueCache, fit.left].map(gib) : ["", "", "", ""]),
      fit ? `${fit.concurrency.toFixed(1)} × ${maxModelLen} tokens` : "",
      ...dollars(costs[index]),
      ...tokenPrices(stack, model, fit),
    ];
  });
  const total = totalCost(costs);
  const sum = total ? [["total", "", "", "", "", "", "", ...dollars(total)]] : [];
  return table([title, ...rows, ...sum]);
}

function costOf(stack: Stack, model: StackModel): CostRange | undefined {
  const replicas = podCounts(serviceDemand(model, stack));
  return hourlyCost(copyHourlyUsd(model.serve, stack.accelerators), replicas);
}

/**
 * The minimum cost of a million tokens, by the GPUs' memory bandwidth and the request size of the model's test. Each figure is
 * the whole cost, divided by the output or the input tokens alone.
 */
function tokenPrices(stack: Stack, model: StackModel, fit: MemoryFit | undefined): [string, string] {
  const { serve, architecture } = model;
  const memoryBandwidth = stack.accelerators[serve.accelerator ?? ""]?.memoryBandwidth;
  const hourly = copyHourlyUsd(serve, stack.accelerators);
  if (!fit?.fits || !architecture || !memoryBandwidth || hourly === undefined) return ["", ""];
  const { promptTokens, outputTokens } = model.test?.benchmark ?? usualRequest;
  const { maxNumSeqs } = schedulerLimits(fit.usable, serve.maxModelLen, serve);
  const sequences = Math.min(
    maxNumSeqs,
    (fit.concurrency * serve.maxModelLen) / (promptTokens + outputTokens),
  );
  const tokens = decodeBound({
    ...serve,
    architecture,
    memoryBandwidth,
    sequences,
    promptTokens,
    outputTokens,
  });
  const least = (tokensPerSecond: number) => `≥ ${usdPerMillionTokens(hourly, tokensPerSecond).toFixed(2)}`;
  return [least(tokens), least((tokens * promptTokens) / outputTokens)];
}

/** Request size for models without a test. */
const usualRequest = { promptTokens: 256, outputTokens: 128 };

/** Per hour and per month. */
function dollars(cost: CostRange | undefined): [string, string] {
  if (!cost) return ["", ""];
  const range = (factor: number, digits: number) => {
    const [least, most] = [cost.least, cost.most].map((each) => (each * factor).toFixed(digits));
    return least === most ? `${most}` : `${least}–${most}`;
  };
  return [range(1, 2), range(hoursPerMonth, 0)];
}

function acceleratorFindings(stack: Stack): Findings {
  const used = new Set(stack.models.map(({ serve }) => (serve.gpus > 0 ? serve.accelerator : undefined)));
  const warnings = Object.entries(stack.accelerators).flatMap(([name, { memory }]) => {
    const bytes = parseQuantity(memory);
    if (!used.has(name) || !isDataSheetFigure(bytes)) return [];
    const counted = gib(usableMemory(bytes));
    return [
      `${keyPath("accelerators", name, "memory")}: ${memory} looks like a data sheet's figure, so sizing assumes ${counted}; set what nvidia-smi --query-gpu=memory.total reports`,
    ];
  });
  return { errors: [], warnings };
}
