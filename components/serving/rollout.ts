/** How a changed model replaces the running one. */

import { type Count, isAbove } from "../../rules/given.ts";

export interface Rollout {
  readonly rollout: "RollingUpdate" | "Recreate";
  readonly gpus: Count;
  /** Number of copies, or the minimum with autoscaling. */
  readonly replicas: number;
}

/**
 * The Deployment's strategy, chosen so that a rollout cannot deadlock. `Recreate` stops all old pods first and needs no spare
 * capacity. A rolling update of one copy needs capacity for a second; of several copies on GPUs it stops one before it starts
 * the next, because a surge would wait for GPUs that the old pods hold.
 */
export function deploymentStrategy({ rollout, gpus, replicas }: Rollout) {
  if (rollout === "Recreate") return { type: "Recreate" };
  const [maxSurge, maxUnavailable] = isAbove(gpus, 0) && replicas > 1 ? [0, 1] : [1, 0];
  return { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } };
}
