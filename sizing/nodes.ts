/** Allocatable resources of an instance type's nodes, and the number of nodes needed. */
import type { Amounts } from "./demand.ts";
import { parseQuantity } from "./quantity.ts";

/** An instance type with GPUs. */
export interface Instance {
  readonly gpus: number;
  /** CPU and memory of the machine, as Kubernetes quantities. */
  readonly cpu?: string | undefined;
  readonly memory?: string | undefined;
  /** Price in US dollars per hour. */
  readonly hourlyUsd?: number | undefined;
}

export type NodeResources = Pick<Amounts, "cpu" | "memory" | "gpus">;

const gibibyte = 2 ** 30;

/**
 * Allocatable resources: capacity minus the kubelet's reservation for the system, in cores and bytes. An estimate:
 *
 *     CPU     0.5 cores, or 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest if that is more
 *     memory  25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % of the next 112, 2 % of the rest, and
 *             100 MiB for the eviction threshold
 *
 * Source: OpenShift's system-reserved default and its automatic node sizing (openshift/machine-config-operator, kubelet auto
 * node sizing), which are GKE's rules; EKS reserves less. Pods of DaemonSets use a part of the result.
 */
export function allocatable(instance: Instance): NodeResources {
  const cpu = instance.cpu ? parseQuantity(instance.cpu) : Number.POSITIVE_INFINITY;
  const memory = instance.memory ? parseQuantity(instance.memory) : Number.POSITIVE_INFINITY;
  const reservedCpu = stepped(cpu, [
    [1, 0.06],
    [1, 0.01],
    [2, 0.005],
    [Number.POSITIVE_INFINITY, 0.0025],
  ]);
  const reservedMemory = stepped(memory / gibibyte, [
    [4, 0.25],
    [4, 0.2],
    [8, 0.1],
    [112, 0.06],
    [Number.POSITIVE_INFINITY, 0.02],
  ]);
  return {
    cpu: instance.cpu ? cpu - Math.max(0.5, reservedCpu) : cpu,
    memory: instance.memory ? memory - reservedMemory * gibibyte - 100 * 2 ** 20 : memory,
    gpus: instance.gpus,
  };
}

/** Whether a pod's requests fit on a node. */
export function fitsNode(pod: NodeResources, node: NodeResources): boolean {
  return pod.cpu <= node.cpu && pod.memory <= node.memory && pod.gpus <= node.gpus;
}

/**
 * The number of nodes of one type for these pods. The pods are placed largest first, each on the first node with room, which
 * needs at most a few more nodes than the best packing. A pod that does not fit on an empty node counts as one node.
 */
export function nodesNeeded(pods: readonly NodeResources[], instance: Instance): number {
  const empty = allocatable(instance);
  const nodes: NodeResources[] = [];
  for (const pod of [...pods].sort((a, b) => b.gpus - a.gpus || b.memory - a.memory || b.cpu - a.cpu)) {
    const index = nodes.findIndex((node) => fitsNode(pod, node));
    const room = nodes[index] ?? empty;
    const left = { cpu: room.cpu - pod.cpu, memory: room.memory - pod.memory, gpus: room.gpus - pod.gpus };
    if (index >= 0) nodes[index] = left;
    else nodes.push(left);
  }
  return nodes.length;
}

/** A share of an amount that changes by step: `steps` are widths and their shares, from zero. */
function stepped(amount: number, steps: readonly (readonly [width: number, share: number])[]): number {
  let left = amount;
  let total = 0;
  for (const [width, share] of steps) {
    const part = Math.min(left, width);
    total += part * share;
    left -= part;
  }
  return total;
}
