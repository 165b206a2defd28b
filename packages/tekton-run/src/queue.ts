/**
 * The queue for scarce GPUs. A queued run is created pending (Tekton's state for waiting runs), and its own `up` starts it
 * when it fits. First come, first served, without overtaking, so that a run that needs all GPUs gets them, too. All started
 * runs of the queue count, whoever started them, so the queue needs no object, lock or leader.
 */
import { ApiError } from "@modelcar/kubernetes/client";
import { persistently } from "@modelcar/kubernetes/retry";
import { waiting } from "@modelcar/kubernetes/waiting";
import { follow } from "@modelcar/kubernetes/watch";
import { type Conventions, labelsOf } from "./conventions.ts";
import type { Queue } from "./inputs.ts";
import { removeLeftoversOfAll } from "./leftovers.ts";
import type { Site } from "./site.ts";
import { outcomeOf, paths, pending, type Run } from "./tekton-status.ts";

/** How often an `up` shows that it is still waiting. */
const presenceSeconds = 60;
/** A run whose `up` has not shown itself for this long is skipped. */
const absenceSeconds = 180;
/** Creation times are whole seconds: after two, every run created in the same second is visible to all. */
const settleSeconds = 2;
/** Practically no deadline; Node's longest timer is 24.8 days. */
const patienceSeconds = 14 * 24 * 3600;

export interface Turn {
  /** Name of the waiting run. */
  readonly name: string;
  readonly queue: Queue;
}

/** Metadata of a queued run. */
export function queueMetadata(conventions: Conventions, queue: Queue) {
  const names = labelsOf(conventions);
  return { labels: { [names.queue]: queue.name }, annotations: { [names.queueGpus]: String(queue.gpus) } };
}

/** The runs that `name` has to wait for, given all unfinished runs of the queue; empty when it may start. Pure. */
export function runsAhead(
  conventions: Conventions,
  { name, queue }: Turn,
  runs: readonly Run[],
  isAbsent: (run: Run) => boolean,
): Run[] {
  const { queueGpus } = labelsOf(conventions);
  const gpusOf = (run: Run) => Number(run.metadata.annotations?.[queueGpus] ?? 0);
  const line = [...runs].sort(byArrival);
  const place = line.findIndex((run) => run.metadata.name === name);
  const ahead = line.filter(
    (run, index) => index !== place && (isStarted(run) || (index < place && !isAbsent(run))),
  );
  const taken = ahead.reduce((sum, run) => sum + gpusOf(run), 0);
  return taken + queue.gpus <= queue.capacity ? [] : ahead;
}

const isStarted = (run: Run) => run.spec?.status !== pending;

function byArrival(a: Run, b: Run): number {
  const [first, second] = [a, b].map(
    ({ metadata }) => `${metadata.creationTimestamp ?? ""} ${metadata.name}`,
  );
  return (first ?? "") < (second ?? "") ? -1 : 1;
}

/**
 * Waits until the runs ahead have finished and the GPUs of finished runs' leftovers are free, then starts the pending run.
 * Returns at once if it has been started or has finished.
 */
export async function takeTurn(site: Site, turn: Turn): Promise<void> {
  const { cluster, namespace, conventions } = site;
  const { name } = turn;
  const path = paths.run(namespace, name);
  const print = (line: string) => site.print(`${name}: ${line}`);
  const { queuePresence } = labelsOf(conventions);
  const show = () =>
    cluster
      .patch(path, { metadata: { annotations: { [queuePresence]: String(Date.now()) } } })
      .catch(() => undefined);
  const shown = setInterval(show, presenceSeconds * 1000);
  try {
    let own = await waitInLine({ ...site, print }, turn);
    // The queue may have changed while pods terminated.
    if (own && (await removeLeftoversOfAll({ ...site, print })))
      own = await waitInLine({ ...site, print }, turn);
    if (!own) return;
    // Only at this version, so that a cancellation in between is not undone.
    const start = { metadata: { resourceVersion: own.metadata.resourceVersion }, spec: { status: null } };
    await persistently(() => cluster.patch(path, start), { print });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
    await takeTurn(site, turn);
  } finally {
    clearInterval(shown);
  }
}

/** The run, once it is its turn; undefined if it has been started or has finished. */
async function waitInLine(site: Site, turn: Turn): Promise<Run | undefined> {
  const { cluster, namespace, conventions, print } = site;
  const { name, queue } = turn;
  const names = labelsOf(conventions);
  const runs = new Map<string, Run>();
  const presence = new Presence(names.queuePresence);
  let state = "waiting for its turn";
  const timers: NodeJS.Timeout[] = [];
  const wait = {
    deadlineSeconds: patienceSeconds,
    print,
    state: () => state,
  };
  try {
    await waiting(wait, async ({ signal, done, fail }) => {
      let settled = false;
      const consider = () => {
        const own = runs.get(name);
        if (!settled || !own) return;
        if (isStarted(own) || outcomeOf(own) !== "running") return done();
        const unfinished = [...runs.values()].filter((run) => outcomeOf(run) === "running");
        const ahead = runsAhead(conventions, turn, unfinished, (run) => presence.isAbsent(run));
        if (ahead.length === 0) return done();
        const names = ahead.map((run) => run.metadata.name).join(", ");
        const line = `waiting for ${queue.gpus} of ${queue.capacity} GPUs of queue ${queue.name}, behind ${names}`;
        if (line !== state) print(line);
        state = line;
      };
      timers.push(
        setTimeout(() => {
          settled = true;
          consider();
        }, settleSeconds * 1000),
        setInterval(consider, (absenceSeconds / 6) * 1000),
      );
      await follow<Run>(cluster, {
        path: paths.runs(namespace),
        query: { labelSelector: `${names.queue}=${queue.name}` },
        onChange: (run) => {
          runs.set(run.metadata.name, run);
          presence.note(run);
          consider();
        },
        onGone: (run) => {
          runs.delete(run.metadata.name);
          if (run.metadata.name === name) fail(new Error("deleted while it waited for its turn"));
          else consider();
        },
        signal,
      });
    });
  } finally {
    for (const timer of timers) clearInterval(timer);
  }
  const own = runs.get(name);
  return own && !isStarted(own) && outcomeOf(own) === "running" ? own : undefined;
}

/** Which runs are still waited for, by this process's clock: a run is absent if its presence has not changed for long. */
class Presence {
  readonly #annotation: string;
  readonly #seen = new Map<string, { readonly value: string; readonly at: number }>();

  constructor(annotation: string) {
    this.#annotation = annotation;
  }

  note({ metadata }: Run): void {
    const value = metadata.annotations?.[this.#annotation] ?? "";
    if (this.#seen.get(metadata.name)?.value === value) return;
    this.#seen.set(metadata.name, { value, at: performance.now() });
  }

  isAbsent({ metadata }: Run): boolean {
    const seen = this.#seen.get(metadata.name);
    return seen !== undefined && performance.now() - seen.at > absenceSeconds * 1000;
  }
}
