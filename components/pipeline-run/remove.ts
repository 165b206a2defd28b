/** The end of a resource: nothing of it runs on, and its history stays or goes. */
import type { Cluster } from "../kubernetes/client.ts";
import { persistently } from "../kubernetes/retry.ts";
import { waiting } from "../kubernetes/waiting.ts";
import { follow } from "../kubernetes/watch.ts";
import type { RunInputs } from "./inputs.ts";
import { removeLeftovers } from "./leftovers.ts";
import { listRuns, resourceSelector, retire } from "./ownership.ts";
import { stop } from "./stop.ts";
import { outcomeOf, paths, type Run } from "./tekton-status.ts";

const removalSeconds = 180;

/** Stops the runs of a resource that are under way, lets their `finally` tasks end, then removes or keeps all of its runs. */
export async function removeRuns(
  cluster: Cluster,
  inputs: RunInputs,
  print: (line: string) => void,
): Promise<void> {
  const { namespace } = inputs;
  const close = async (run: Run) => {
    if (outcomeOf(run) === "running") await stop(cluster, namespace, run, print);
    else if (outcomeOf(run) === "failed") await removeLeftovers(cluster, namespace, [run], print);
    const path = paths.run(namespace, run.metadata.name);
    const settle = () =>
      inputs.history === "keep" && run.spec?.status !== "PipelineRunPending"
        ? retire(cluster, namespace, run)
        : cluster.delete(path);
    await persistently(settle, { print });
  };
  const runs = await listRuns(cluster, inputs, print);
  await Promise.all(runs.map(close));
  if (inputs.history !== "keep" && runs.length > 0) await gone(cluster, inputs, print);
}

/** The cluster removes a run after its pods; a namespace or volume that is to go next must not wait for them. */
async function gone(cluster: Cluster, inputs: RunInputs, print: (line: string) => void): Promise<void> {
  const left = new Set<string>();
  const wait = {
    deadlineSeconds: removalSeconds,
    print: (line: string) => print(`${inputs.prefix}: ${line}`),
    state: () => `waiting until the pods of ${[...left].join(", ")} are gone`,
  };
  await waiting(wait, ({ signal, done }) =>
    follow<Run>(cluster, {
      path: paths.runs(inputs.namespace),
      query: { labelSelector: resourceSelector(inputs) },
      onChange: ({ metadata }) => left.add(metadata.name),
      onGone: ({ metadata }) => {
        left.delete(metadata.name);
        if (left.size === 0) done();
      },
      onListed: (runs) => {
        if (runs.length === 0) done();
      },
      signal,
    }),
  );
}
