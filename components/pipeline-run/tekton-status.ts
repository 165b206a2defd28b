/** What Tekton reports about runs. */
import type { KubernetesObject } from "../kubernetes/client.ts";

interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
}

export interface Run extends KubernetesObject {
  readonly spec?: { readonly status?: string };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly results?: readonly { readonly name: string; readonly value: unknown }[];
  };
}

export interface TaskRun extends Run {
  readonly status?: Run["status"] & {
    readonly podName?: string;
    readonly steps?: readonly {
      readonly name: string;
      readonly container: string;
      readonly terminated?: {
        readonly exitCode: number;
        readonly reason?: string;
        readonly message?: string;
      };
    }[];
  };
}

export type Outcome = "running" | "succeeded" | "failed";

/** Decided by the condition's status alone: reasons are for people, and new ones appear. */
export function outcomeOf(run: Run): Outcome {
  const status = succeeded(run)?.status;
  return status === "True" ? "succeeded" : status === "False" ? "failed" : "running";
}

/** The condition that says how a run stands, once Tekton has looked at it. */
export function succeeded(run: Run): Condition | undefined {
  return run.status?.conditions?.find((condition) => condition.type === "Succeeded");
}

/** Name of the pipeline's task that a TaskRun executes. */
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

/** Paths of the API. */
export const paths = {
  runs: (namespace: string) => `/apis/tekton.dev/v1/namespaces/${namespace}/pipelineruns`,
  run: (namespace: string, name: string) =>
    `/apis/tekton.dev/v1/namespaces/${namespace}/pipelineruns/${name}`,
  taskRuns: (namespace: string) => `/apis/tekton.dev/v1/namespaces/${namespace}/taskruns`,
};
