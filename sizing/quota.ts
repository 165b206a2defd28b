/** What a namespace must allow so that every declared workload fits, and nothing more. */
import { formatBytes, formatCpu, parseQuantity } from "./quantity.ts";

/** Requests and the memory limit of one pod, as Kubernetes quantities. */
export interface PodDemand {
  readonly cpu: string;
  readonly memory: string;
  readonly memoryLimit: string;
  readonly gpus?: number;
}

export interface Workloads {
  /** Served models; one with the rolling strategy runs twice while it changes. */
  readonly services: readonly (PodDemand & { readonly rollout: "RollingUpdate" | "Recreate" })[];
  /**
   * The tasks of the pipelines. A run executes one at a time, but a finished pod counts for some seconds more, and Tekton
   * tries a pod that the quota refused again only after a minute; so the two largest must fit together.
   */
  readonly tasks: readonly PodDemand[];
  /** Pipeline runs that can be under way together. */
  readonly parallelRuns: number;
  /** Sizes of the namespace's volume claims. */
  readonly claims: readonly string[];
}

/** The pod by which Tekton keeps a run's tasks on the node of their volume. */
const affinityAssistant: PodDemand = { cpu: "50m", memory: "100Mi", memoryLimit: "100Mi" };

/** The `hard` part of the ResourceQuota. */
export function quotaFor(workloads: Workloads): Record<string, string> {
  const copies = workloads.services.flatMap((service) =>
    service.rollout === "Recreate" ? [service] : [service, service],
  );
  const sum = (amount: (pod: PodDemand) => number) => {
    const [largest = 0, second = 0] = workloads.tasks.map(amount).sort((a, b) => b - a);
    const run = largest + second + amount(affinityAssistant);
    return copies.reduce((total, pod) => total + amount(pod), run * workloads.parallelRuns);
  };
  return {
    "requests.cpu": formatCpu(sum((pod) => parseQuantity(pod.cpu))),
    "requests.memory": formatBytes(sum((pod) => parseQuantity(pod.memory))),
    "limits.memory": formatBytes(sum((pod) => parseQuantity(pod.memoryLimit))),
    "requests.nvidia.com/gpu": String(sum((pod) => pod.gpus ?? 0)),
    "requests.storage": formatBytes(workloads.claims.reduce((total, size) => total + parseQuantity(size), 0)),
    persistentvolumeclaims: String(workloads.claims.length),
  };
}
