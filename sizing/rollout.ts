/** How a new version of a model takes over from the old one. */

export type RolloutStrategy = "RollingUpdate" | "Recreate";

export interface RolloutDemand {
  /** GPUs of one replica. */
  readonly gpus: number;
  /** GPUs of the model's kind that the nodes have beyond what all models use. Default: 0. */
  readonly spareGpus?: number | undefined;
  /** The model lies on a volume that one node at a time can mount. Default: false. */
  readonly readWriteOnce?: boolean | undefined;
}

/**
 * RollingUpdate starts a new pod before an old one goes (maxSurge 1, maxUnavailable 0), so that requests are answered
 * all the time. It needs room for both at once. Where the GPUs are all taken the two block each other: the new pod stays
 * Pending until the old one gives its GPUs back, and the old one is not ended before the new one is ready. A volume that
 * only one node can mount does the same to a new pod on another node.
 *
 * Recreate ends the old pod first: no second set of GPUs, but no answers while the new one loads. So it is the choice for a
 * model on GPUs unless enough are spare, and for a model on such a volume.
 */
export function chooseRollout(demand: RolloutDemand): RolloutStrategy {
  const { gpus, spareGpus = 0, readWriteOnce = false } = demand;
  return readWriteOnce || spareGpus < gpus ? "Recreate" : "RollingUpdate";
}
