/** Why a PipelineRun failed, down to the step and its log. */
import type { Cluster } from "../kubernetes/client.ts";
import { lastLogLines } from "../kubernetes/logs.ts";
import { outcomeOf, paths, type Run, succeeded, type TaskRun, taskName } from "./tekton-status.ts";

/** A message for people: the run's reason, then each failed task with its step, exit code and last log lines. */
export async function explainFailure(cluster: Cluster, namespace: string, run: Run): Promise<string> {
  const condition = succeeded(run);
  const name = run.metadata.name;
  const head = `PipelineRun ${namespace}/${name}: ${condition?.reason ?? "Failed"}: ${condition?.message ?? "no message"}`;
  const taskRuns = await cluster.request<{ items: TaskRun[] }>("GET", paths.taskRuns(namespace), {
    query: { labelSelector: `tekton.dev/pipelineRun=${name}` },
  });
  const failed = taskRuns.items.filter((taskRun) => outcomeOf(taskRun) === "failed");
  return [
    head,
    ...(await Promise.all(failed.map((taskRun) => explainTask(cluster, namespace, taskRun)))),
  ].join("\n");
}

async function explainTask(cluster: Cluster, namespace: string, taskRun: TaskRun): Promise<string> {
  const { steps = [], podName } = taskRun.status ?? {};
  // Steps behind the failed one end with an exit code too, so the first is the cause.
  const step = steps.find((step) => (step.terminated?.exitCode ?? 0) !== 0);
  if (!step || !podName) {
    const condition = succeeded(taskRun);
    return `task ${taskName(taskRun)}: ${condition?.reason ?? "Failed"}: ${condition?.message ?? "no message"}`;
  }
  const { exitCode, reason } = step.terminated ?? {};
  const head = `task ${taskName(taskRun)}, step ${step.name}: exit code ${exitCode}${reason ? ` (${reason})` : ""}`;
  return `${head}\n${await lastLogLines(cluster, namespace, podName, step.container)}`;
}
