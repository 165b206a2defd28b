/** What GPUs cost. Prices are US dollars from the stack's config; nothing is looked up. */

/** Hours of a month as clouds count them: 365 × 24 / 12. */
export const hoursPerMonth = 730;

export interface CostDemand {
  /** GPUs of one replica. */
  readonly gpus: number;
  /** Least and most replicas that run; both 0 for a stopped model. */
  readonly replicas: { readonly least: number; readonly most: number };
  readonly instance: { readonly gpus: number; readonly hourlyUsd?: number | undefined };
}

/** From the least to the most that a model may cost; both are equal without autoscaling. */
export interface CostRange {
  readonly least: number;
  readonly most: number;
}

/**
 * Dollars per hour: hourlyUsd × gpus / the instance's GPUs × replicas. A model that takes part of an instance's GPUs pays its
 * share, although the cloud bills the whole instance: the rest is paid by others or idle. Undefined for a model without GPUs
 * or an instance without a price.
 */
export function hourlyCost({ gpus, replicas, instance }: CostDemand): CostRange | undefined {
  if (gpus === 0 || instance.hourlyUsd === undefined) return undefined;
  const replica = (instance.hourlyUsd * gpus) / instance.gpus;
  return { least: replica * replicas.least, most: replica * replicas.most };
}

/** The sum of several costs; undefined when none is known. */
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
