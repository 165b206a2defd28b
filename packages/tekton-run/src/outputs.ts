/** Outputs of a successful run. */
import type { Cluster } from "@modelcar/kubernetes/client";
import { uidOf } from "@modelcar/kubernetes/namespaces";
import { persistently } from "@modelcar/kubernetes/retry";
import type { RunInputs } from "./inputs.ts";
import { ofRun, paths, type Run, resultsOf, secondsOf, type TaskRun, taskName } from "./tekton-status.ts";

export interface RunOutputs {
  readonly name: string;
  readonly uid: string;
  /** RFC 3339, by the cluster's clock. */
  readonly startTime: string;
  readonly completionTime: string;
  readonly durationSeconds: number;
  /** Seconds by task, of the tasks that ran. */
  readonly taskSeconds: Record<string, number>;
  readonly results: Record<string, string>;
  /** How to read the whole log: a page of the console, or a kubectl command. */
  readonly logs: string;
  /** Uid of the run's namespace: a recreated one does not contain what the run made. */
  readonly namespaceUid: string;
}

export async function outputsOf(cluster: Cluster, inputs: RunInputs, run: Run): Promise<RunOutputs> {
  const { namespace } = inputs;
  const { name } = run.metadata;
  const ask = <T>(request: () => Promise<T>) => persistently(request, { print: () => {} });
  const [taskRuns, namespaceUid] = await Promise.all([
    ask(() =>
      cluster.request<{ items: TaskRun[] }>("GET", paths.taskRuns(namespace), { query: ofRun(name) }),
    ),
    ask(() => uidOf(cluster, namespace)),
  ]);
  const seconds = taskRuns.items.flatMap((taskRun) => {
    const value = secondsOf(taskRun);
    return value === undefined ? [] : [[taskName(taskRun), value] as const];
  });
  return {
    name,
    uid: run.metadata.uid ?? "",
    startTime: run.status?.startTime ?? "",
    completionTime: run.status?.completionTime ?? "",
    durationSeconds: secondsOf(run) ?? 0,
    taskSeconds: Object.fromEntries(seconds),
    results: resultsOf(run),
    logs: logsOf(inputs, name),
    namespaceUid: namespaceUid ?? "",
  };
}

/** How to read a run's whole log. */
export function logsOf({ consoleUrl, context, namespace }: RunInputs, name: string): string {
  if (consoleUrl) {
    return `${consoleUrl.replace(/\/+$/, "")}/k8s/ns/${namespace}/tekton.dev~v1~PipelineRun/${name}/logs`;
  }
  const chosen = context ? ["--context", context] : [];
  const words = ["kubectl", ...chosen, "--namespace", namespace, "logs", "--prefix", "--tail=-1"];
  const selection = [
    "--all-containers",
    "--max-log-requests=50",
    `--selector=tekton.dev/pipelineRun=${name}`,
  ];
  return [...words, ...selection].join(" ");
}
