import type { Config } from "../config.ts";
import type { PodDemand, Workloads } from "../sizing/quota.ts";

/** What the config's models and pipelines need of the namespace. Every model's run may be under way at once. */
export function workloadsOf(
  config: Pick<Config, "models" | "storage">,
  tasks: readonly PodDemand[],
): Workloads {
  return {
    services: config.models.map(({ serve }) => ({ ...serve, memoryLimit: serve.memory })),
    tasks,
    parallelRuns: config.models.length,
    claims: [config.storage.size],
  };
}
