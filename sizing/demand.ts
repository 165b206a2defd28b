/** Resource demand of a stack's pods. */
import { parseQuantity } from "./quantity.ts";

/** Requests and limits of one container, as Kubernetes quantities. */
export interface ContainerDemand {
  /** Name for messages. */
  readonly name?: string | undefined;
  readonly cpu: string;
  /** Undefined if the container may have none; then limits.cpu cannot have a quota. */
  readonly cpuLimit?: string | undefined;
  readonly memory: string;
  readonly memoryLimit: string;
  readonly ephemeralStorage?: string | undefined;
}

/** A pod: its main container, its init containers and its sidecars. */
export interface PodDemand extends ContainerDemand {
  readonly gpus?: number | undefined;
  readonly initContainers?: readonly ContainerDemand[] | undefined;
  readonly sidecars?: readonly ContainerDemand[] | undefined;
}

/** The pods of a served model, which are all alike. */
export interface ServiceDemand extends PodDemand {
  readonly rollout: "RollingUpdate" | "Recreate";
  /** Default: 1. */
  readonly replicas?: number | undefined;
  readonly autoscaling?: { readonly minReplicas: number; readonly maxReplicas: number } | undefined;
  /** Declared, but no pod runs. Default: false. */
  readonly stopped?: boolean | undefined;
}

/** The runs of one model. */
export interface RunDemand {
  /** The pods of their tasks. */
  readonly tasks: readonly PodDemand[];
  /** The candidate, which runs while tasks measure it; none of these tasks uses GPUs. Default: none. */
  readonly candidate?: PodDemand | undefined;
}

/** Everything that may run in the namespace at the same time. */
export interface Workloads {
  readonly services: readonly ServiceDemand[];
  /**
   * Pipeline runs that can run at the same time. A run executes one task at a time, but a finished pod counts for some seconds
   * more, and Tekton retries a pod that the quota refused only after a minute; so the two largest tasks must fit together. Runs
   * with GPUs wait for each other, so only one of them counts for GPUs.
   */
  readonly runs: readonly RunDemand[];
  /** Sizes of the namespace's volume claims. */
  readonly claims: readonly string[];
}

/** Amounts in base units: cores, bytes, items. */
export interface Amounts {
  readonly cpu: number;
  /** Undefined if a container's limit is unknown. */
  readonly cpuLimit: number | undefined;
  readonly memory: number;
  readonly memoryLimit: number;
  readonly ephemeralStorage: number;
  readonly gpus: number;
}

/**
 * What scheduler and quota count for a pod: for each resource the sum of its containers, or the largest init container if that
 * is more. Source: PodRequests and PodLimits in k8s.io/component-helpers/resource.
 */
export function podAmounts(pod: PodDemand): Amounts {
  const together = [pod, ...(pod.sidecars ?? [])];
  const before = pod.initContainers ?? [];
  const count = (amount: (container: ContainerDemand) => string) => {
    const of = (container: ContainerDemand) => parseQuantity(amount(container));
    return Math.max(
      together.reduce((total, container) => total + of(container), 0),
      ...before.map(of),
    );
  };
  const limited = [...together, ...before].every(({ cpuLimit }) => cpuLimit !== undefined);
  return {
    cpu: count(({ cpu }) => cpu),
    cpuLimit: limited ? count(({ cpuLimit }) => cpuLimit ?? "0") : undefined,
    memory: count(({ memory }) => memory),
    memoryLimit: count(({ memoryLimit }) => memoryLimit),
    ephemeralStorage: count(({ ephemeralStorage }) => ephemeralStorage ?? "0"),
    gpus: pod.gpus ?? 0,
  };
}

/**
 * Number of a service's pods: minimum, maximum, and maximum during a rollout. A rolling update adds one, except with several
 * replicas on GPUs, where one stops before the next starts.
 */
export function podCounts(
  service: Pick<ServiceDemand, "rollout" | "replicas" | "autoscaling" | "stopped" | "gpus">,
) {
  if (service.stopped) return { least: 0, most: 0, rolling: 0 };
  const least = service.autoscaling?.minReplicas ?? service.replicas ?? 1;
  const most = service.autoscaling?.maxReplicas ?? service.replicas ?? 1;
  const inPlace = service.rollout === "Recreate" || ((service.gpus ?? 0) > 0 && least > 1);
  return { least, most, rolling: inPlace ? most : most + 1 };
}
