/** Tekton's status of runs. */
import type { KubernetesObject } from "@modelcar/kubernetes/client";

interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
}

interface Named {
  readonly name: string;
}

export interface Run extends KubernetesObject {
  readonly spec?: { readonly status?: string; readonly timeouts?: { readonly finally?: string } };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    /** RFC 3339, to the second. */
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly results?: readonly { readonly name: string; readonly value: unknown }[];
    readonly skippedTasks?: readonly (Named & { readonly reason?: string })[];
    /** The pipeline as it was when the run started. */
    readonly pipelineSpec?: { readonly tasks?: readonly Named[]; readonly finally?: readonly Named[] };
  };
}

export interface StepState {
  readonly name: string;
  readonly container: string;
  readonly running?: object;
  readonly terminated?: { readonly exitCode: number; readonly reason?: string; readonly message?: string };
}

export interface TaskRun extends Run {
  readonly status?: Run["status"] & { readonly podName?: string; readonly steps?: readonly StepState[] };
}

export type Outcome = "running" | "succeeded" | "failed";

/** Depends only on the condition's status: reasons are for people, and new versions add some. */
export function outcomeOf(run: Run): Outcome {
  const status = succeeded(run)?.status;
  return status === "True" ? "succeeded" : status === "False" ? "failed" : "running";
}

/** The condition `Succeeded`, once Tekton has set it. */
export function succeeded(run: Run): Condition | undefined {
  return run.status?.conditions?.find((condition) => condition.type === "Succeeded");
}

/** Value of `spec.status` of a run that is not started yet. */
export const pending = "PipelineRunPending";

/** Whether the run has been cancelled or stopped. */
export function isStopped(run: Run): boolean {
  return ![undefined, "", pending].includes(run.spec?.status);
}

/** Name of a TaskRun's pipeline task. */
export function taskName(taskRun: TaskRun): string {
  return taskRun.metadata.labels?.["tekton.dev/pipelineTask"] ?? taskRun.metadata.name;
}

/** Results by name; anything but text as JSON. */
export function resultsOf(run: Run): Record<string, string> {
  const entries = (run.status?.results ?? []).map(({ name, value }) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return Object.fromEntries(entries);
}

/** Duration in seconds, by the cluster's clock; undefined before the end. */
export function secondsOf(run: Run): number | undefined {
  const { startTime, completionTime } = run.status ?? {};
  return startTime && completionTime
    ? (Date.parse(completionTime) - Date.parse(startTime)) / 1000
    : undefined;
}

/** The pipeline tasks without a final state, `finally` tasks last. */
export function tasksLeft(run: Run | undefined, ended: ReadonlySet<string>): string[] {
  const { pipelineSpec, skippedTasks = [] } = run?.status ?? {};
  const skipped = new Set(skippedTasks.map(({ name }) => name));
  return [...(pipelineSpec?.tasks ?? []), ...(pipelineSpec?.finally ?? [])]
    .map(({ name }) => name)
    .filter((name) => !ended.has(name) && !skipped.has(name));
}

/** API paths. */
export const paths = {
  runs: (namespace: string) => `/apis/tekton.dev/v1/namespaces/${namespace}/pipelineruns`,
  run: (namespace: string, name: string) =>
    `/apis/tekton.dev/v1/namespaces/${namespace}/pipelineruns/${name}`,
  taskRuns: (namespace: string) => `/apis/tekton.dev/v1/namespaces/${namespace}/taskruns`,
};

/** Selects the TaskRuns of a run. */
export const ofRun = (name: string) => ({ labelSelector: `tekton.dev/pipelineRun=${name}` });
