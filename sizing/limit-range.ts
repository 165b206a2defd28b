/** Whether a LimitRange lets every container in, those that KServe, Tekton and OpenShift AI add included. */
import type { ContainerDemand } from "./demand.ts";
import { formatBytes, formatCpu, parseQuantity } from "./quantity.ts";

/** Bounds on each container, as LimitRange items of type Container have them. */
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
  /** What the bound would have to be. */
  readonly need: string;
  /** The container that needs it. */
  readonly container: string;
}

const formats = { cpu: formatCpu, memory: formatBytes } as const;

/**
 * The bounds that refuse a container: a limit above `max`, or a request below `min`. Of several containers the one that
 * needs most is named. A container without a CPU limit of its own gets the LimitRange's default, so that one must be among
 * the containers. Source: minConstraint and maxConstraint in plugin/pkg/admission/limitranger of Kubernetes.
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
