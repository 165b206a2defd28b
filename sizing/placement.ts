/** Chooses the instance type for a model's GPUs. */
import { allocatable, fitsNode, type Instance } from "./nodes.ts";
import { parseQuantity } from "./quantity.ts";

export interface Accelerator {
  /** Value of the node label nvidia.com/gpu.product. */
  readonly gpuProduct: string;
  /** Instance types by name. */
  readonly instances: Readonly<Record<string, Instance>>;
}

/** CPU and memory that a pod requests, as Kubernetes quantities. */
export interface PodRequests {
  readonly cpu: string;
  readonly memory: string;
}

/**
 * The instance type with the fewest sufficient GPUs, and the cheapest of several. With `pod` only those with room for its CPU and
 * memory are considered, if there are any. Undefined if none has enough GPUs.
 */
export function instanceFor(
  accelerator: Accelerator,
  gpus: number,
  pod?: PodRequests,
): readonly [type: string, instance: Instance] | undefined {
  const enough = Object.entries(accelerator.instances).filter(([, instance]) => instance.gpus >= gpus);
  const demand = pod && { gpus, cpu: parseQuantity(pod.cpu), memory: parseQuantity(pod.memory) };
  const roomy = demand ? enough.filter(([, each]) => fitsNode(demand, allocatable(each))) : enough;
  const price = (instance: Instance) => instance.hourlyUsd ?? 0;
  const candidates = roomy.length > 0 ? roomy : enough;
  return candidates.sort(([, a], [, b]) => a.gpus - b.gpus || price(a) - price(b))[0];
}

/** Node labels of {@link instanceFor}'s choice. Throws if no instance type has enough GPUs. */
export function nodeSelectorFor(
  accelerator: Accelerator,
  gpus: number,
  pod?: PodRequests,
): Record<string, string> {
  const choice = instanceFor(accelerator, gpus, pod);
  if (!choice) throw new Error(`no instance type of ${accelerator.gpuProduct} has ${gpus} GPUs`);
  return {
    "nvidia.com/gpu.product": accelerator.gpuProduct,
    "node.kubernetes.io/instance-type": choice[0],
  };
}

/** Node selector and tolerations of a model on GPUs; none without GPUs. Throws on an unknown accelerator. */
export function modelPlacement(
  serve: {
    readonly accelerator?: string | undefined;
    readonly gpus: number;
    readonly cpu: string;
    readonly memory: string;
  },
  accelerators: Readonly<Record<string, Accelerator>>,
) {
  if (serve.gpus === 0) return {};
  const accelerator = accelerators[serve.accelerator ?? ""];
  if (!accelerator) throw new Error(`unknown accelerator "${serve.accelerator}" for ${serve.gpus} GPUs`);
  return onGpuNodes(nodeSelectorFor(accelerator, serve.gpus, serve));
}

/** Nodes with GPUs, which others keep off by a taint. */
export function onGpuNodes(nodeSelector: Readonly<Record<string, string>>) {
  return {
    nodeSelector,
    tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
  };
}
