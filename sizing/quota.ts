/** The smallest ResourceQuota that admits every declared workload. */
import { type Amounts, type PodDemand, podAmounts, podCounts, type Workloads } from "./demand.ts";
import { affinityAssistant } from "./platform-containers.ts";
import { formatBytes, formatCpu, parseQuantity } from "./quantity.ts";

export type { PodDemand, Workloads } from "./demand.ts";

/** One entry of ResourceQuota.spec.hard, and how it is computed. */
export interface QuotaNeed {
  readonly resource: string;
  /** In base units. */
  readonly amount: number;
  readonly quantity: string;
  /** The sum as text: "a 6 + b 16". */
  readonly sum: string;
}

interface Part {
  readonly label: string;
  readonly count: number;
  readonly each: number;
}

/**
 * Everything that the quota must allow, in the order of a ResourceQuota. Services count with all replicas, including those that
 * autoscaling and a rolling update may add; stopped services do not count.
 *
 * limits.cpu is included only if every container has a CPU limit, possibly from the LimitRange: with such a quota Kubernetes
 * refuses pods without one. For GPUs Kubernetes counts only requests, so there are no limits for them.
 */
export function quotaNeeds(workloads: Workloads): QuotaNeed[] {
  const need = (resource: string, format: (amount: number) => string, parts: readonly Part[]): QuotaNeed => {
    const amount = parts.reduce((total, { count, each }) => total + count * each, 0);
    const terms = parts
      .filter(({ count, each }) => count * each > 0)
      .map(({ label, count, each }) => `${label} ${count > 1 ? `${count} × ` : ""}${format(each)}`);
    return { resource, amount, quantity: format(amount), sum: terms.join(" + ") || "nothing" };
  };
  const podNeed = (
    resource: string,
    format: (amount: number) => string,
    amount: (pod: Amounts) => number | undefined,
    runs: RunSums = { beside: (tasks, candidate) => tasks + candidate, together: (each) => each },
  ) => {
    const parts = partsOf(workloads, amount, runs);
    return parts ? [need(resource, format, parts)] : [];
  };
  const scratch = podNeed("requests.ephemeral-storage", formatBytes, (pod) => pod.ephemeralStorage);
  const claims = workloads.claims.map((size) => parseQuantity(size));
  return [
    ...podNeed("requests.cpu", formatCpu, (pod) => pod.cpu),
    ...podNeed("requests.memory", formatBytes, (pod) => pod.memory),
    ...podNeed("limits.cpu", formatCpu, (pod) => pod.cpuLimit),
    ...podNeed("limits.memory", formatBytes, (pod) => pod.memoryLimit),
    ...podNeed("requests.nvidia.com/gpu", String, (pod) => pod.gpus, ofGpus),
    ...scratch.filter(({ amount }) => amount > 0),
    need(
      "requests.storage",
      formatBytes,
      claims.map((each) => ({ label: "claim", count: 1, each })),
    ),
    need("persistentvolumeclaims", String, [{ label: "claims", count: claims.length, each: 1 }]),
  ];
}

/** `hard` of the ResourceQuota: the computed entries; `overrides` replace entries of the same name, or are added. */
export function quotaFor(
  workloads: Workloads,
  overrides: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const needed = quotaNeeds(workloads).map(({ resource, quantity }) => [resource, quantity] as const);
  return { ...Object.fromEntries(needed), ...overrides };
}

/** An override that refuses a declared workload. */
export interface QuotaShortage {
  readonly resource: string;
  readonly given: string;
  readonly need: QuotaNeed;
}

/** Short names that a quota may use for requests. */
const aliases: Readonly<Record<string, string>> = { cpu: "requests.cpu", memory: "requests.memory" };

/** The overrides that are too small. Throws if an override is not a quantity. */
export function quotaShortages(
  workloads: Workloads,
  overrides: Readonly<Record<string, string>>,
): QuotaShortage[] {
  const needs = new Map(quotaNeeds(workloads).map((need) => [need.resource, need]));
  return Object.entries(overrides).flatMap(([resource, given]) => {
    const need = needs.get(aliases[resource] ?? resource);
    // Tolerates rounding errors of sums such as 0.1 + 0.2.
    return need && parseQuantity(given) < need.amount - 1e-6 ? [{ resource, given, need }] : [];
  });
}

/** How the amounts of runs add up. */
interface RunSums {
  /** Combines the tasks of a model's runs with the candidate that they measure. */
  readonly beside: (tasks: number, candidate: number) => number;
  /** Selects, from the runs of all models, those that can run at the same time. */
  readonly together: (runs: readonly number[]) => readonly number[];
}

/** Runs with GPUs wait for each other, and no task uses GPUs while a candidate is measured. */
const ofGpus: RunSums = {
  beside: Math.max,
  together: (runs) => (runs.length > 0 ? [Math.max(...runs)] : []),
};

/** The amounts of one resource for each service and the runs; undefined if a pod's amount is unknown. */
function partsOf(
  workloads: Workloads,
  amount: (pod: Amounts) => number | undefined,
  { beside, together }: RunSums,
): readonly Part[] | undefined {
  const of = (pod: PodDemand) => amount(podAmounts(pod));
  const services = workloads.services.map((service, index) => ({
    label: service.name ?? `model ${index + 1}`,
    count: podCounts(service).rolling,
    each: of(service) ?? Number.NaN,
  }));
  const runs = workloads.runs.map(({ tasks, candidate }) => {
    const pods = [...tasks, ...(candidate ? [candidate] : [])];
    const [largest = 0, second = 0] = tasks.map((task) => of(task) ?? Number.NaN).sort((a, b) => b - a);
    return pods.some((pod) => of(pod) === undefined)
      ? Number.NaN
      : beside(largest + second + (of(affinityAssistant) ?? 0), (candidate && of(candidate)) ?? 0);
  });
  if ([...services.map(({ each }) => each), ...runs].some(Number.isNaN)) return undefined;
  const counted = together(runs);
  const parts = [...new Set(counted)].map((each) => {
    return { label: "pipeline runs", count: counted.filter((other) => other === each).length, each };
  });
  return [...services, ...parts];
}
