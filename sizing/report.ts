/** The whole of sizing: a stack in, what to stop for, what to look at and a table out. */
import { claimFindings, limitFindings, nodeFindings, quotaFindings } from "./cluster-report.ts";
import { type CostRange, hourlyCost, hoursPerMonth, totalCost } from "./cost.ts";
import { type ContainerDemand, type PodDemand, podCounts } from "./demand.ts";
import { type Findings, gib, joinFindings, keyPath } from "./finding.ts";
import { isDataSheetFigure, usableMemory } from "./memory.ts";
import { type MemoryReport, memoryReport } from "./memory-report.ts";
import { instanceFor } from "./placement.ts";
import { parseQuantity } from "./quantity.ts";
import { quotaFor, quotaNeeds } from "./quota.ts";
import { type Stack, type StackModel, serviceDemand, workloadsOf } from "./stack.ts";

export interface SizingReport extends Findings {
  /** A short table for people: each model's memory and cost, the namespace's needs against its quota, nodes. */
  readonly lines: readonly string[];
}

/**
 * Checks everything that must fit: models their GPUs, pods their nodes and the LimitRange, all together the quota. Errors and
 * warnings start with the config key, such as modelcar:models[0].serve.gpus. Pure; takes the parsed config as it is.
 *
 * @param tasksOf what the pods of the tasks of a model's pipeline runs ask for
 * @param containerDefaults what the LimitRange gives to containers that say nothing
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
          const more = rolling > count ? `, ${rolling} while new versions take over` : "";
          return `nodes: ${count} × ${type} (GPUs: ${gpus})${more}`;
        }),
    ],
  };
}

/** One row for each model, and the total of what is known. */
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
    ];
  });
  const total = totalCost(costs);
  const sum = total ? [["total", "", "", "", "", "", "", ...dollars(total)]] : [];
  return table([title, ...rows, ...sum]);
}

/** Undefined for a model without GPUs, or whose instance type has no price. */
function costOf(stack: Stack, model: StackModel): CostRange | undefined {
  const accelerator = stack.accelerators[model.serve.accelerator ?? ""];
  const { gpus } = model.serve;
  const choice = accelerator && instanceFor(accelerator, gpus, model.serve);
  const replicas = podCounts(serviceDemand(model, stack));
  return choice && hourlyCost({ gpus, replicas, instance: choice[1] });
}

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
      `${keyPath("accelerators", name, "memory")}: ${memory} looks like the data sheet's figure, so ${counted} were counted; set what nvidia-smi --query-gpu=memory.total reports`,
    ];
  });
  return { errors: [], warnings };
}

/** Columns as wide as their widest cell; the first row is the title. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
