/** Ends a run before its time, and how long ends are waited for. */
import { ApiError, type Cluster } from "@modelcar/kubernetes/client";
import { persistently } from "@modelcar/kubernetes/retry";
import { secondsOfDuration } from "./inputs.ts";
import { removeLeftovers } from "./leftovers.ts";
import type { Site } from "./site.ts";
import { isStopped, outcomeOf, paths, pending, type Run } from "./tekton-status.ts";
import { watchRun } from "./watch-run.ts";

/** Tekton fails the run first, with a reason, before the wait is given up. */
const marginSeconds = 90;
/** Without a timeout of Tekton's there is none of ours. */
const longestSeconds = 30 * 24 * 3600;
/** For the `finally` tasks of a run that does not say how long they may take. */
const finallySeconds = 300;

/** How long the end of something is waited for that Tekton ends after so many seconds. */
export const waitSeconds = (timeoutSeconds: number): number =>
  Math.min(timeoutSeconds + marginSeconds, longestSeconds);

/** Asks a run to stop: its `finally` tasks still run. One that has just ended, whose change Tekton refuses, has stopped. */
export async function cancel(cluster: Cluster, namespace: string, name: string): Promise<void> {
  const path = paths.run(namespace, name);
  try {
    await cluster.patch(path, { spec: { status: "CancelledRunFinally" } });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 400)) throw error;
    const run = await cluster.get<Run>(path);
    if (run && outcomeOf(run) === "running") throw error;
  }
}

/** Until a run that was asked to stop has ended. */
export function cancellationSeconds({ spec }: Run): number {
  const seconds = secondsOfDuration(spec?.timeouts?.finally) ?? finallySeconds;
  return waitSeconds(seconds);
}

/**
 * Cancels a run that is under way and waits for its end, and until what it left is gone; one that waits for its turn is
 * deleted.
 */
export async function stop(site: Site, run: Run): Promise<void> {
  const { cluster, namespace, print } = site;
  const { name } = run.metadata;
  const say = (text: string) => print(`${name}: ${text}`);
  if (run.spec?.status === pending) {
    say("never started, removing it");
    return persistently(() => cluster.delete(paths.run(namespace, name)), { print: say });
  }
  say("cancelling, its finally tasks still run");
  try {
    if (!isStopped(run)) await persistently(() => cancel(cluster, namespace, name), { print: say });
    await watchRun(cluster, { namespace, name, deadlineSeconds: cancellationSeconds(run), print });
  } catch (error) {
    const gone = await cluster.get(paths.run(namespace, name)).then((found) => found === undefined);
    if (!gone) throw error;
  }
  await removeLeftovers(site, [run]);
}
