/** Costs of models. Prices are US dollars from the stack's config; nothing is looked up. */
import { type Architecture, keyValueBytesPerToken, weightBytes } from "./memory.ts";
import { type Accelerator, instanceFor } from "./placement.ts";

/** Hours of a month as clouds count them: 365 × 24 / 12. */
export const hoursPerMonth = 730;

/** Minimum and maximum cost of a model; equal without autoscaling. */
export interface CostRange {
  readonly least: number;
  readonly most: number;
}

/** What determines the price of a model's copy. */
export interface Priced {
  readonly accelerator?: string | undefined;
  readonly gpus: number;
  readonly cpu: string;
  readonly memory: string;
  /** Price of one copy, if its instance has none. */
  readonly hourlyUsd?: number | undefined;
}

/**
 * Dollars per hour of one copy: the instance's hourlyUsd × gpus / its GPUs. A model that uses a part of an instance's GPUs
 * pays its share, although the cloud bills the whole instance: the rest is used by others or idle. Without a price of the
 * instance, and without GPUs, the model's own hourlyUsd.
 */
export function copyHourlyUsd(
  serve: Priced,
  accelerators: Readonly<Record<string, Accelerator>>,
): number | undefined {
  const accelerator = serve.gpus > 0 ? accelerators[serve.accelerator ?? ""] : undefined;
  const [, instance] = (accelerator && instanceFor(accelerator, serve.gpus, serve)) ?? [];
  if (instance?.hourlyUsd === undefined) return serve.hourlyUsd;
  return (instance.hourlyUsd * serve.gpus) / instance.gpus;
}

/** Cost of all copies, for their minimum and maximum number; both 0 for a stopped model. */
export function hourlyCost(
  copy: number | undefined,
  replicas: { readonly least: number; readonly most: number },
): CostRange | undefined {
  return copy === undefined ? undefined : { least: copy * replicas.least, most: copy * replicas.most };
}

/** The sum of several costs; undefined if none is known. */
export function totalCost(costs: readonly (CostRange | undefined)[]): CostRange | undefined {
  const known = costs.filter((cost) => cost !== undefined);
  if (known.length === 0) return undefined;
  const sum = (of: (cost: CostRange) => number) => known.reduce((total, cost) => total + of(cost), 0);
  return { least: sum(({ least }) => least), most: sum(({ most }) => most) };
}

/**
 * Dollars for a million tokens at a measured throughput: hourlyUsd / (tokensPerSecond × 3600) × 1e6. Throws unless
 * tokensPerSecond is above 0.
 */
export function usdPerMillionTokens(hourlyUsd: number, tokensPerSecond: number): number {
  if (!(tokensPerSecond > 0)) throw new Error(`tokens per second must be above 0, not ${tokensPerSecond}`);
  return (hourlyUsd / (tokensPerSecond * 3600)) * 1e6;
}

/** What bounds the throughput of a model. */
export interface DecodeDemand {
  readonly architecture: Architecture;
  readonly gpus: number;
  /** GB/s of one GPU. */
  readonly memoryBandwidth: number;
  /** Concurrent requests. */
  readonly sequences: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/**
 * The maximum output tokens per second by the memory bandwidth of the GPUs: each step generates one token for every request,
 * and reads all weights once and each request's KV cache, which holds the prompt and on average half of the answer.
 *
 *     tokens/s = sequences / ((weights + sequences × KV cache) / (memoryBandwidth × gpus))
 *
 * An upper bound, not a forecast: it ignores prompts, computation and communication. It is the memory term of the roofline model
 * (Williams et al. 2009), for decoding as in Pope et al. 2022, "Efficiently Scaling Transformer Inference".
 */
export function decodeBound(demand: DecodeDemand): number {
  const { architecture, gpus, memoryBandwidth, sequences, promptTokens, outputTokens } = demand;
  const cache = (promptTokens + outputTokens / 2) * keyValueBytesPerToken(architecture, gpus) * gpus;
  const bytes = weightBytes(architecture) + sequences * cache;
  return (sequences * memoryBandwidth * 1e9 * gpus) / bytes;
}
