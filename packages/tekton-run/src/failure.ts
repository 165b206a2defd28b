/** Explains why a PipelineRun failed, down to the step and its log. */
import { unboundClaims } from "@modelcar/kubernetes/claims";
import type { Cluster } from "@modelcar/kubernetes/client";
import { lastLogLines } from "@modelcar/kubernetes/logs";
import { type Pod, podProblem } from "@modelcar/kubernetes/pods";
import {
  ofRun,
  outcomeOf,
  paths,
  type Run,
  type StepState,
  succeeded,
  type TaskRun,
  taskName,
} from "./tekton-status.ts";

/** A message for the user: the run's reason, then each failed task with its step, exit code and last log lines. */
export async function explainFailure(
  cluster: Cluster,
  namespace: string,
  run: Run,
  /** What kept tasks from starting, by task. */
  obstacles: ReadonlyMap<string, string> = new Map(),
): Promise<string> {
  const name = run.metadata.name;
  const head = `PipelineRun ${namespace}/${name}: ${conditionOf(run)}`;
  const taskRuns = await cluster.request<{ items: TaskRun[] }>("GET", paths.taskRuns(namespace), {
    query: ofRun(name),
  });
  const failed = taskRuns.items.filter((taskRun) => outcomeOf(taskRun) === "failed");
  return [
    head,
    ...[...obstacles].map(([task, obstacle]) => `task ${task} did not start: ${obstacle}`),
    ...(await Promise.all(failed.map((taskRun) => explainTask(cluster, namespace, taskRun)))),
  ].join("\n");
}

function conditionOf(run: Run): string {
  const { reason = "Failed", message = "no message" } = succeeded(run) ?? {};
  return `${reason}: ${message}`;
}

async function explainTask(cluster: Cluster, namespace: string, taskRun: TaskRun): Promise<string> {
  const { steps = [], podName } = taskRun.status ?? {};
  const task = taskName(taskRun);
  const pod = podName && (await cluster.get<Pod>(`/api/v1/namespaces/${namespace}/pods/${podName}`));
  if (pod && pod.status?.reason === "Evicted") {
    return `task ${task}: its pod ${podName} was evicted from its node: ${pod.status.message ?? "no message"}`;
  }
  const step = culprit(steps);
  if (!step || !podName) {
    const claims = pod && (await unboundClaims(cluster, namespace, pod));
    const problem = claims || (pod && podProblem(pod)?.text);
    return `task ${task}: ${conditionOf(taskRun)}${problem ? `\n  pod ${podName}: ${problem}` : ""}`;
  }
  const { exitCode, reason } = step.terminated ?? {};
  const isOutOfMemory = outOfMemory(step, pod || undefined);
  const killed = isOutOfMemory
    ? `out of memory (OOMKilled), exit code ${exitCode}; give the step a higher memory limit`
    : `exit code ${exitCode}${reason ? ` (${reason})` : ""}`;
  // A task can fail although its step succeeded, for instance because its results are too large.
  const more = reason !== "Error" && !isOutOfMemory ? `\n  ${conditionOf(taskRun)}` : "";
  const log = await lastLogLines(cluster, namespace, podName, step.container);
  return `task ${task}, step ${step.name}: ${killed}${more}\n${log}`;
}

/**
 * Steps after the failed one also end with an exit code, so the first is the cause. Tekton also writes a termination into steps
 * that it stopped or that never ran (TaskRunCancelled, TaskRunImagePullFailed); they have no log.
 */
function culprit(steps: readonly StepState[]): StepState | undefined {
  const first = steps.find(({ terminated }) => (terminated?.exitCode ?? 0) !== 0);
  return first?.terminated?.reason?.startsWith("TaskRun") ? undefined : first;
}

/** The kernel may kill a child of the step's process; then only the container's state shows it. */
function outOfMemory(step: StepState, pod: Pod | undefined): boolean {
  const container = pod?.status?.containerStatuses?.find(({ name }) => name === step.container);
  return [step.terminated?.reason, container?.state?.terminated?.reason].includes("OOMKilled");
}
