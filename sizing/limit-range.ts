/** Checks whether a LimitRange admits every container, including those that KServe, Tekton and OpenShift AI add. */
import type { ContainerDemand } from "./demand.ts";
import { formatBytes, formatCpu, parseQuantity } from "./quantity.ts";

/** Bounds of each container, as in LimitRange items of type Container. */
export interface LimitBounds {
  readonly max?: Bound | undefined;
  readonly min?: Bound | undefined;
}

export interface Bound {
  readonly cpu?: string | undefined;
  readonly memory?: string | undefined;
}

/** A bound that refuses a container. */
export interface LimitProblem {
  readonly bound: "max" | "min";
  readonly resource: "cpu" | "memory";
  readonly given: string;
  /** The value that would admit the container. */
  readonly need: string;
  /** Name of the container. */
  readonly container: string;
}

const formats = { cpu: formatCpu, memory: formatBytes } as const;

/**
 * The bounds that refuse a container: a limit above `max`, or a request below `min`. Of several containers the most extreme is
 * named. A container without a CPU limit gets the LimitRange's default, so `containers` must include one with the defaults.
 * Source: minConstraint and maxConstraint in plugin/pkg/admission/limitranger of Kubernetes.
 */
export function limitProblems(bounds: LimitBounds, containers: readonly ContainerDemand[]): LimitProblem[] {
  const resources = ["cpu", "memory"] as const;
  return resources.flatMap((resource) => {
    const highest = extreme(containers, resource, "limit");
    const lowest = extreme(containers, resource, "request");
    const { max, min } = { max: bounds.max?.[resource], min: bounds.min?.[resource] };
    const problem = (bound: "max" | "min", given: string, { amount, container }: Extreme): LimitProblem => {
      return { bound, resource, given, need: formats[resource](amount), container };
    };
    return [
      ...(max && highest && highest.amount > parseQuantity(max) ? [problem("max", max, highest)] : []),
      ...(min && lowest && lowest.amount < parseQuantity(min) ? [problem("min", min, lowest)] : []),
    ];
  });
}

interface Extreme {
  readonly amount: number;
  readonly container: string;
}

/** The container with the largest limit, or with the smallest request. */
function extreme(
  containers: readonly ContainerDemand[],
  resource: "cpu" | "memory",
  of: "limit" | "request",
): Extreme | undefined {
  const amounts = containers.flatMap((container): Extreme[] => {
    const limit = resource === "cpu" ? container.cpuLimit : container.memoryLimit;
    const text = of === "limit" ? limit : container[resource];
    return text ? [{ amount: parseQuantity(text), container: container.name ?? "a container" }] : [];
  });
  const sign = of === "limit" ? -1 : 1;
  return amounts.sort((a, b) => sign * (a.amount - b.amount))[0];
}
