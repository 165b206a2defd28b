/** How a changed model takes the place of the running one. */

import { type Count, isAbove } from "../../rules/given.ts";

export interface Rollout {
  readonly rollout: "RollingUpdate" | "Recreate";
  readonly gpus: Count;
  /** Copies that run, or the fewest that autoscaling leaves. */
  readonly replicas: number;
}

/**
 * The Deployment's strategy, chosen so that it cannot wait for itself. `Recreate` stops all old pods first and needs no room. A
 * rolling update of one copy needs room for a second; of several on GPUs it stops one before it starts the next, because a
 * surge would wait for GPUs that only the old pods can free.
 */
export function deploymentStrategy({ rollout, gpus, replicas }: Rollout) {
  if (rollout === "Recreate") return { type: "Recreate" };
  const [maxSurge, maxUnavailable] = isAbove(gpus, 0) && replicas > 1 ? [0, 1] : [1, 0];
  return { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } };
}
