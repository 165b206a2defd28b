/** Settings that all runs of a program share. Plain data: state holds it with the shim. */
export interface Conventions {
  /**
   * Prefix of the labels and annotations that runs are found by. Runs with another prefix are not found, so they would be started
   * again. Default "tekton-run".
   */
  readonly labelPrefix: string;
  /**
   * Config key of the stack, such as `my-program:context`, whose value overrides a run's `context`: people may have different names
   * for one cluster, and `destroy` and `refresh` use the name in state, which is that of the last `up`. Default: none.
   */
  readonly contextKey?: string;
  /** Objects that runs create and delete in `finally`, for runs whose `finally` did not run or failed. Default: none. */
  readonly leftovers: readonly LeftoverKind[];
}

/**
 * A kind of objects that runs create for themselves, with the run among the ownerReferences, so that the cluster deletes them
 * with the run. But a finished run is kept, for its log, so they are deleted here.
 */
export interface LeftoverKind {
  /** Such as "serving.kserve.io/v1beta1". */
  readonly apiVersion: string;
  readonly kind: string;
  /** The kind's name in API paths. */
  readonly plural: string;
  /** Their field manager in `managedFields`; objects of other managers are left alone. */
  readonly fieldManager: string;
  /** Label selector of their pods, with {name} for the object's name; the next run starts when these are gone. Default: no wait. */
  readonly podSelector?: string;
}

export const defaults: Conventions = { labelPrefix: "tekton-run", leftovers: [] };

/** The names of labels and annotations. */
export const labelsOf = ({ labelPrefix }: Conventions) => ({
  resource: `${labelPrefix}/resource`,
  inputs: `${labelPrefix}/inputs`,
  attempt: `${labelPrefix}/attempt`,
  /** On runs that a destroyed resource has kept as history: their products may be gone. */
  retired: `${labelPrefix}/retired`,
  queue: `${labelPrefix}/queue`,
  queueGpus: `${labelPrefix}/queue-gpus`,
  queuePresence: `${labelPrefix}/queue-presence`,
});
