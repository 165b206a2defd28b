/** Deletion of a resource: stops its runs, and keeps or removes its history. */
import { persistently } from "@modelcar/kubernetes/retry";
import { waiting } from "@modelcar/kubernetes/waiting";
import { follow } from "@modelcar/kubernetes/watch";
import type { RunInputs } from "./inputs.ts";
import { removeLeftovers } from "./leftovers.ts";
import { listRuns, resourceSelector, retire } from "./ownership.ts";
import type { Site } from "./site.ts";
import { stop } from "./stop.ts";
import { outcomeOf, paths, pending, type Run } from "./tekton-status.ts";

const removalSeconds = 180;

type Resource = Pick<RunInputs, "prefix" | "history">;

/** Stops a resource's unfinished runs, waits for their `finally` tasks, then removes or keeps all its runs. */
export async function removeRuns(site: Site, { prefix, history }: Resource): Promise<void> {
  const { cluster, namespace, print } = site;
  const close = async (run: Run) => {
    if (outcomeOf(run) === "running") await stop(site, run);
    else if (outcomeOf(run) === "failed") await removeLeftovers(site, [run]);
    const path = paths.run(namespace, run.metadata.name);
    const settle = () =>
      history === "keep" && run.spec?.status !== pending ? retire(site, run) : cluster.delete(path);
    await persistently(settle, { print });
  };
  const runs = await listRuns(site, prefix);
  await Promise.all(runs.map(close));
  if (history !== "keep" && runs.length > 0) await gone(site, prefix);
}

/** The cluster deletes a run after its pods; the deletion of its namespace or volumes must not wait for them. */
async function gone({ cluster, namespace, conventions, print }: Site, prefix: string): Promise<void> {
  const left = new Set<string>();
  const wait = {
    deadlineSeconds: removalSeconds,
    print: (line: string) => print(`${prefix}: ${line}`),
    state: () => `waiting until the pods of ${[...left].join(", ")} are gone`,
  };
  await waiting(wait, ({ signal, done }) =>
    follow<Run>(cluster, {
      path: paths.runs(namespace),
      query: { labelSelector: resourceSelector(conventions, { namespace, prefix }) },
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
