/** What a program has in common for all of its runs. Plain data: state holds it with the shim. */
export interface Conventions {
  /**
   * Prefix of the labels and annotations that runs are found by. Runs under another prefix are not found again, so they would be
   * run anew. Default "tekton-run".
   */
  readonly labelPrefix: string;
  /**
   * Config key of the stack, such as `my-program:context`, whose value comes before a run's own `context`: people may call one
   * cluster by different names, and `destroy` and `refresh` go by state, which has the name of the last `up`. Default: none.
   */
  readonly contextKey?: string;
  /** Objects that runs make and remove again in `finally`, for runs whose `finally` did not do its work. Default: none. */
  readonly leftovers: readonly LeftoverKind[];
}

/**
 * A kind of objects that runs make for themselves: with the run among the ownerReferences, so the cluster removes them with
 * it. But a run that has ended is kept, for its log, so they are removed here.
 */
export interface LeftoverKind {
  /** Such as "serving.kserve.io/v1beta1". */
  readonly apiVersion: string;
  readonly kind: string;
  /** The kind's name in paths of the API. */
  readonly plural: string;
  /** Who writes them, as `managedFields` says it: what another made for a run is that one's. */
  readonly fieldManager: string;
  /** Labels of their pods, with {name} for the object's name; the next run starts when these are gone. Default: not waited for. */
  readonly podSelector?: string;
}

export const defaults: Conventions = { labelPrefix: "tekton-run", leftovers: [] };

/** The names of labels and annotations. */
export const labelsOf = ({ labelPrefix }: Conventions) => ({
  resource: `${labelPrefix}/resource`,
  inputs: `${labelPrefix}/inputs`,
  attempt: `${labelPrefix}/attempt`,
  /** On runs that a destroyed resource has left as history: what they made may be gone. */
  retired: `${labelPrefix}/retired`,
  queue: `${labelPrefix}/queue`,
  queueGpus: `${labelPrefix}/queue-gpus`,
  queuePresence: `${labelPrefix}/queue-presence`,
});
