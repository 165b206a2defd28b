/** Which node a model's GPUs are to come from. */

export interface Accelerator {
  /** Value of the node label nvidia.com/gpu.product. */
  readonly gpuProduct: string;
  /** Instance types by name, with the number of their GPUs. */
  readonly instances: Readonly<Record<string, { readonly gpus: number }>>;
}

/** Node labels that lead to the smallest instance type with enough GPUs. Throws when none is large enough. */
export function nodeSelectorFor(accelerator: Accelerator, gpus: number): Record<string, string> {
  const fitting = Object.entries(accelerator.instances).filter(([, instance]) => instance.gpus >= gpus);
  const [smallest] = fitting.sort(([, a], [, b]) => a.gpus - b.gpus);
  if (!smallest) throw new Error(`no instance type of ${accelerator.gpuProduct} has ${gpus} GPUs`);
  return {
    "nvidia.com/gpu.product": accelerator.gpuProduct,
    "node.kubernetes.io/instance-type": smallest[0],
  };
}
