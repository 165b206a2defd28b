/** Cancels runs, and says how long to wait for them. */
import { ApiError, type Cluster } from "@modelcar/kubernetes/client";
import { persistently } from "@modelcar/kubernetes/retry";
import { secondsOfDuration } from "./inputs.ts";
import { removeLeftovers } from "./leftovers.ts";
import type { Site } from "./site.ts";
import { isStopped, outcomeOf, paths, pending, type Run } from "./tekton-status.ts";
import { watchRun } from "./watch-run.ts";

/** Lets Tekton fail the run, with a reason, before the wait ends. */
const marginSeconds = 90;
/** Practically no deadline, for runs without a timeout. */
const longestSeconds = 30 * 24 * 3600;
/** For the `finally` tasks of a run without `timeouts.finally`. */
const finallySeconds = 300;

/** Seconds to wait for a run or tasks that Tekton ends after `timeoutSeconds`. */
export const waitSeconds = (timeoutSeconds: number): number =>
  Math.min(timeoutSeconds + marginSeconds, longestSeconds);

/** Cancels a run; its `finally` tasks still run. Does nothing for a run that has just finished, whose change Tekton refuses. */
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

/** Seconds to wait for a cancelled run. */
export function cancellationSeconds({ spec }: Run): number {
  const seconds = secondsOfDuration(spec?.timeouts?.finally) ?? finallySeconds;
  return waitSeconds(seconds);
}

/**
 * Cancels an unfinished run, waits until it has finished, and removes its leftovers; a queued run is deleted.
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
