/** The end of a resource: nothing of it runs on, and its history stays or goes. */
import type { Cluster } from "../kubernetes/client.ts";
import { persistently } from "../kubernetes/retry.ts";
import type { RunInputs } from "./inputs.ts";
import { listRuns, retire } from "./ownership.ts";
import { stop } from "./run.ts";
import { outcomeOf, paths, type Run } from "./tekton-status.ts";

/** Stops the runs of a resource that are under way, lets their `finally` tasks end, then removes or keeps all of its runs. */
export async function removeRuns(
  cluster: Cluster,
  inputs: RunInputs,
  print: (line: string) => void,
): Promise<void> {
  const { namespace } = inputs;
  const close = async (run: Run) => {
    if (outcomeOf(run) === "running") await stop(cluster, namespace, run, print);
    const path = paths.run(namespace, run.metadata.name);
    const settle = () =>
      inputs.history === "keep" && run.spec?.status !== "PipelineRunPending"
        ? retire(cluster, namespace, run)
        : cluster.delete(path);
    await persistently(settle, { print });
  };
  await Promise.all((await listRuns(cluster, inputs, print)).map(close));
}
