/** Chooses the rollout strategy of a model. */

export type RolloutStrategy = "RollingUpdate" | "Recreate";

export interface RolloutDemand {
  /** GPUs of one replica. */
  readonly gpus: number;
  /** Free GPUs of the model's type when all models run. Default: 0. */
  readonly spareGpus?: number | undefined;
  /** The model is on a volume that only one node can mount at a time. Default: false. */
  readonly readWriteOnce?: boolean | undefined;
}

/**
 * RollingUpdate starts a new pod before it deletes an old one (maxSurge 1, maxUnavailable 0), so that requests are always
 * answered. It needs room for both. If all GPUs are in use, the rollout deadlocks: the new pod stays Pending until the old one
 * releases its GPUs, and the old one is not deleted before the new one is ready. A volume that only one node can mount has the
 * same effect for a new pod on another node.
 *
 * Recreate deletes the old pod first: it needs no second set of GPUs, but there are no answers while the new pod loads. It is
 * chosen for models on GPUs unless enough are free, and for models on such a volume.
 */
export function chooseRollout(demand: RolloutDemand): RolloutStrategy {
  const { gpus, spareGpus = 0, readWriteOnce = false } = demand;
  return readWriteOnce || spareGpus < gpus ? "Recreate" : "RollingUpdate";
}
