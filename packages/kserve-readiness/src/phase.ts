/** Startup phase of a pod that serves a model. */
import type { Pod } from "@modelcar/kubernetes/pods";
import type { Conventions } from "./conventions.ts";

export function phase(pod: Pod, fetcher: Conventions["fetcher"]): string {
  const starting = pod.status?.initContainerStatuses?.find(({ state }) => !state?.terminated);
  if (starting)
    return ["storage-initializer", fetcher?.container].includes(starting.name)
      ? "fetching the model"
      : `starting ${starting.name}`;
  return pod.status?.phase === "Running" ? "loading the model" : (pod.status?.phase ?? "Pending");
}
