/** How far a pod that serves a model has come. */
import type { Pod } from "../kubernetes/pods.ts";

/** Init container of a Deployment that fetches its model, and the variable that names it. */
export const fetcher = { container: "fetch-model", variable: "MODEL_IMAGE" };

/** In words, for a line. */
export function phase(pod: Pod): string {
  const starting = pod.status?.initContainerStatuses?.find(({ state }) => !state?.terminated);
  if (starting)
    return ["storage-initializer", fetcher.container].includes(starting.name)
      ? "fetching the model"
      : `starting ${starting.name}`;
  return pod.status?.phase === "Running" ? "loading the model" : (pod.status?.phase ?? "Pending");
}
