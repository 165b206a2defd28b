/** The existing runs and their state. */
import type { Cluster } from "@modelcar/kubernetes/client";
import { duration } from "@modelcar/kubernetes/waiting";
import {
  newestFirst,
  outcomeOf,
  paths,
  pending,
  type Run,
  secondsOf,
  succeeded,
} from "@modelcar/tekton-run/runs";
import { conventions } from "../../components/pipeline-run/conventions.ts";
import { PlanError } from "./plan.ts";
import { table } from "./terminal.ts";

/** A run with the fields of its spec that are shown. */
export interface RunView extends Run {
  readonly spec?: {
    readonly status?: string;
    readonly pipelineRef?: { readonly name?: string };
    readonly params?: readonly { readonly name: string; readonly value: unknown }[];
    readonly timeouts?: { readonly pipeline?: string; readonly finally?: string };
  };
}

/** All runs of a namespace, newest first. */
export async function runsOf(cluster: Cluster, namespace: string): Promise<RunView[]> {
  const { items } = await cluster.request<{ items: RunView[] }>("GET", paths.runs(namespace));
  return newestFirst(conventions, items);
}

/** The run with that name; without a name the newest that is running, else the newest. Throws a PlanError if there is none. */
export async function runNamed(cluster: Cluster, namespace: string, name?: string): Promise<RunView> {
  if (name) {
    const found = await cluster.get<RunView>(paths.run(namespace, name));
    if (found) return found;
  }
  const runs = await runsOf(cluster, namespace);
  const chosen = name ? undefined : (runs.find((run) => outcomeOf(run) === "running") ?? runs[0]);
  if (chosen) return chosen;
  const known = runs.slice(0, 10).map((run) => run.metadata.name);
  const there = known.length > 0 ? `; the newest runs are ${known.join(", ")}` : ", which has no runs";
  throw new PlanError(
    `there is no ${name ? `run ${name}` : "run"} in namespace ${namespace}${name ? there : ""}`,
  );
}

/** The state of a run, for people and programs. */
export interface RunState {
  readonly name: string;
  readonly pipeline: string;
  readonly model: string;
  readonly outcome: "pending" | "running" | "succeeded" | "failed";
  /** Tekton's reason, such as Cancelled or PipelineRunTimeout. */
  readonly reason: string;
  readonly created: string;
  readonly durationSeconds?: number;
}

export function stateOf(run: RunView): RunState {
  const { spec, metadata } = run;
  const model = spec?.params?.find(({ name }) => name === "MODEL_NAME")?.value;
  const seconds = secondsOf(run);
  const outcome = outcomeOf(run);
  return {
    name: metadata.name,
    pipeline: spec?.pipelineRef?.name ?? "",
    model: typeof model === "string" ? model : "",
    outcome: outcome === "running" && spec?.status === pending ? "pending" : outcome,
    reason:
      succeeded(run)?.reason ??
      (spec?.status === pending ? "waiting in its queue" : "not seen by Tekton yet"),
    created: metadata.creationTimestamp ?? "",
    ...(seconds === undefined ? {} : { durationSeconds: seconds }),
  };
}

/** The runs as columns. */
export function runTable(runs: readonly RunView[], now = Date.now()): string {
  const ago = (time: string) => (time ? `${duration(Math.max(0, (now - Date.parse(time)) / 1000))} ago` : "");
  const rows = runs
    .map(stateOf)
    .map((run) => [
      run.name,
      run.pipeline,
      run.model,
      run.reason,
      ago(run.created),
      run.durationSeconds === undefined ? "" : duration(run.durationSeconds),
    ]);
  return table([["RUN", "PIPELINE", "MODEL", "STATE", "CREATED", "TOOK"], ...rows]);
}
