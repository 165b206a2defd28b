/** Waits for a PipelineRun to end, and tells the user what its tasks do. */
import type { Cluster } from "../kubernetes/client.ts";
import { waiting } from "../kubernetes/waiting.ts";
import { follow } from "../kubernetes/watch.ts";
import { outcomeOf, paths, type Run, succeeded, type TaskRun, taskName } from "./tekton-status.ts";

export interface WatchRunOptions {
  readonly namespace: string;
  readonly name: string;
  /** Seconds until the wait is given up; the run goes on and can be adopted later. */
  readonly deadlineSeconds: number;
  readonly print: (line: string) => void;
}

/** The run in its final state, failed or not. Throws when it is deleted, or at the deadline. */
export async function watchRun(cluster: Cluster, options: WatchRunOptions): Promise<Run> {
  const { namespace, name } = options;
  const print = (line: string) => options.print(`${name}: ${line}`);
  const tasks = new Map<string, string>();
  let final: Run | undefined;
  const unfinished = () => [...tasks].filter(([, state]) => !/^(Succeeded|Completed)/.test(state));
  const state = () =>
    unfinished().map(([task, state]) => `${task}: ${state}`)[0] ?? "waiting for Tekton to start a task";

  await waiting(
    { deadlineSeconds: options.deadlineSeconds, print, state },
    async ({ signal, done, fail }) => {
      const onTaskRun = (taskRun: TaskRun) => {
        const line = describe(taskRun);
        if (tasks.get(taskName(taskRun)) === line) return;
        tasks.set(taskName(taskRun), line);
        print(`${taskName(taskRun)}: ${line}`);
      };
      const deleted = () => fail(new Error("deleted while it ran"));
      const onRun = (run: Run) => {
        if (outcomeOf(run) === "running") return;
        final = run;
        done();
      };
      await Promise.all([
        follow<TaskRun>(cluster, {
          path: paths.taskRuns(namespace),
          query: { labelSelector: `tekton.dev/pipelineRun=${name}` },
          onChange: onTaskRun,
          signal,
        }),
        follow<Run>(cluster, {
          path: paths.runs(namespace),
          query: { fieldSelector: `metadata.name=${name}` },
          onChange: onRun,
          onGone: deleted,
          onListed: (runs) => {
            if (runs.length === 0) deleted();
          },
          signal,
        }),
      ]);
    },
  );
  if (!final) throw new Error(`PipelineRun ${namespace}/${name} ended without a final state`);
  return final;
}

/** One line about a TaskRun: its reason, and the message only where it says more than that all goes well. */
function describe(taskRun: TaskRun): string {
  const condition = succeeded(taskRun);
  if (!condition) return "Created";
  const reason = condition.reason ?? condition.status;
  const ordinary = condition.status === "True" || reason === "Running" || reason === "Started";
  return ordinary || !condition.message ? reason : `${reason}: ${condition.message.split("\n")[0]}`;
}
