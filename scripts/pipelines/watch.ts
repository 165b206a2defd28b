/** Watches a run to its end, as the program does, and reports it. */
import type { Cluster } from "@modelcar/kubernetes/client";
import { InterruptedError } from "@modelcar/kubernetes/interruption";
import { duration } from "@modelcar/kubernetes/waiting";
import {
  cancel,
  type Ended,
  explainFailure,
  outcomeOf,
  outputsOf,
  paths,
  type RunInputs,
  removeLeftovers,
  stop,
  timeoutOf,
  waitSeconds,
  watchRun,
} from "@modelcar/tekton-run/runs";
import { type RunView, stateOf } from "./runs.ts";
import { siteOf } from "./site.ts";
import { type ExitStatus, exit, type Terminal } from "./terminal.ts";

/** Where runs are, and how to get back to them. */
export interface Place {
  readonly cluster: Cluster;
  readonly context: string;
  readonly namespace: string;
  readonly consoleUrl?: string | undefined;
  /** Arguments that lead to this place again. */
  readonly again: string;
}

export interface WatchOptions {
  readonly cancelOnInterrupt: boolean;
  readonly output: "text" | "json";
  /** Runs before the watch, such as the wait in a queue. */
  readonly before?: () => Promise<void>;
}

/** Watches until the run ends; its success decides the exit status. Ctrl-C only stops the watch, or cancels the run. */
export async function watchToEnd(
  place: Place,
  run: RunView,
  options: WatchOptions,
  terminal: Terminal,
): Promise<ExitStatus> {
  const { cluster, namespace } = place;
  const { name } = run.metadata;
  const deadlineSeconds = waitSeconds(
    timeoutOf({ spec: { pipelineRef: { name }, ...run.spec } as RunInputs["spec"] }),
  );
  try {
    await options.before?.();
    const ended = await watchRun(cluster, { namespace, name, deadlineSeconds, print: terminal.progress });
    if (outcomeOf(ended.run) === "failed") {
      await removeLeftovers(siteOf(cluster, namespace, terminal.progress), [ended.run]);
    }
    return await report(place, ended, options.output, terminal);
  } catch (error) {
    if (error instanceof InterruptedError) return interrupted(place, name, options, terminal);
    throw new Error(`PipelineRun ${namespace}/${name}: ${(error as Error).message}`);
  }
}

async function report(
  place: Place,
  { run, obstacles }: Ended,
  output: string,
  terminal: Terminal,
): Promise<ExitStatus> {
  const { cluster, context, namespace, consoleUrl } = place;
  const view = stateOf(run as RunView);
  const inputs = {
    context,
    namespace,
    prefix: "",
    definition: "",
    spec: { pipelineRef: { name: view.pipeline } },
  };
  const outputs = await outputsOf(cluster, consoleUrl ? { ...inputs, consoleUrl } : inputs, run);
  const failure =
    view.outcome === "succeeded" ? undefined : await explainFailure(cluster, namespace, run, obstacles);
  const { results, taskSeconds, logs, durationSeconds } = outputs;
  if (output === "json") {
    const { uid, startTime, completionTime } = outputs;
    const document = { ...view, namespace, uid, startTime, completionTime, taskSeconds, results, logs };
    terminal.result(JSON.stringify({ ...document, ...(failure ? { failure } : {}) }, null, 2));
  } else {
    const took = Object.entries(taskSeconds).map(([task, seconds]) => `${task} ${duration(seconds)}`);
    const lines = [
      `${view.name}: ${view.reason} after ${duration(durationSeconds)}`,
      ...(took.length > 0 ? [`tasks:   ${took.join(", ")}`] : []),
      ...Object.entries(results).map(([result, value]) => `result:  ${result} = ${value.trim()}`),
      `logs:    ${logs}`,
    ];
    terminal.result(lines.join("\n"));
  }
  if (!failure) return exit.success;
  terminal.problem(`error: ${failure}`);
  return exit.failure;
}

async function interrupted(
  { cluster, namespace, again }: Place,
  name: string,
  { cancelOnInterrupt }: WatchOptions,
  terminal: Terminal,
): Promise<ExitStatus> {
  const watchAgain = `npm run pipelines -- monitor-pipeline ${again} -r ${name}`;
  if (!cancelOnInterrupt) {
    terminal.problem(
      `interrupted: ${name} goes on\n  watch it again: ${watchAgain}\n  cancel it:      npm run pipelines -- cancel ${again} ${name}`,
    );
    return exit.interrupted;
  }
  await cancel(cluster, namespace, name);
  terminal.problem(
    `interrupted: ${name} is cancelled, its finally tasks still run\n  watch its end: ${watchAgain}`,
  );
  return exit.interrupted;
}

/** Cancels a run and waits for its end. A run that has already ended stays as it is. */
export async function cancelRun(
  { cluster, namespace }: Place,
  run: RunView,
  output: string,
  terminal: Terminal,
) {
  const { name } = run.metadata;
  const before = outcomeOf(run);
  if (before === "running") await stop(siteOf(cluster, namespace, terminal.progress), run);
  const last = (await cluster.get<RunView>(paths.run(namespace, name))) ?? run;
  const state = stateOf(last);
  const present = before === "running" ? "cancelled" : `has ended already (${state.reason})`;
  terminal.result(output === "json" ? JSON.stringify(state, null, 2) : `${name}: ${present}`);
  if (run.metadata.labels?.["app.kubernetes.io/managed-by"] === "pulumi" && before === "running") {
    terminal.problem(`${name} belongs to the stack: the next pulumi up makes a new attempt`);
  }
  return exit.success;
}
