/** Starts a PipelineRun or adopts one that is there already, and sees it through. */
import { digestOf } from "../digest.ts";
import { ApiError, type Cluster } from "../kubernetes/client.ts";
import type { PipelineRunSpec } from "../manifests/tekton.ts";
import { explainFailure } from "./failure.ts";
import { outcomeOf, paths, type Run, resultsOf } from "./tekton-status.ts";
import { watchRun } from "./watch-run.ts";

/** All that a run is made from. Plain data: it is kept in Pulumi's state. */
export interface RunInputs {
  /** Context of the kubeconfig. */
  readonly context: string;
  readonly namespace: string;
  /** Start of the run's name, <pipeline>-<model>. */
  readonly prefix: string;
  readonly spec: PipelineRunSpec;
  /** Digest of the Pipeline and its Tasks: another definition means another run. */
  readonly definition: string;
  /** Any text; another text asks for another run. */
  readonly trigger?: string;
  /** Tekton's own timeout for the run in seconds; the wait ends a little later. */
  readonly timeoutSeconds: number;
}

/** What is known of a run that succeeded. */
export interface RunOutputs {
  readonly name: string;
  readonly uid: string;
  readonly startTime: string;
  readonly completionTime: string;
  readonly results: Record<string, string>;
}

/** A run that exists but did not succeed. */
export class RunError extends Error {
  readonly runName: string;
  constructor(runName: string, message: string) {
    super(message);
    this.runName = runName;
  }
}

const resourceLabel = "modelcar/resource";
const inputsLabel = "modelcar/inputs";
const attemptLabel = "modelcar/attempt";
/** Tekton fails the run first, with a reason, before the wait is given up. */
const marginSeconds = 90;
/** Leaves room in 63 characters for the hash and the attempt. */
const prefixLength = 49;

/** Digest of what makes a run another run: not the timeouts, the account or the context. */
export function inputsDigest(inputs: RunInputs): string {
  const { namespace, prefix, spec, definition, trigger } = inputs;
  return digestOf({
    namespace,
    prefix,
    pipeline: spec.pipelineRef,
    params: spec.params,
    definition,
    trigger,
  });
}

/** Selects all runs of a resource, whatever their inputs were. */
export function resourceSelector(inputs: Pick<RunInputs, "namespace" | "prefix">): string {
  return `${resourceLabel}=${resourceId(inputs)}`;
}

function resourceId({ namespace, prefix }: Pick<RunInputs, "namespace" | "prefix">): string {
  return digestOf({ namespace, prefix }).slice(0, 16);
}

/**
 * The outputs of a successful run with these inputs: one that succeeded before, one that is under way, or a new one (a new
 * attempt where earlier ones failed). Throws a RunError when it fails.
 */
export async function runToSuccess(
  cluster: Cluster,
  inputs: RunInputs,
  print: (line: string) => void,
): Promise<RunOutputs> {
  const { namespace } = inputs;
  const hash = inputsDigest(inputs).slice(0, 8);
  const attempts = await cluster.request<{ items: Run[] }>("GET", paths.runs(namespace), {
    query: { labelSelector: `${resourceSelector(inputs)},${inputsLabel}=${hash}` },
  });
  const latest = attempts.items.sort((a, b) => attemptOf(b) - attemptOf(a))[0];
  let run = latest;
  if (run && outcomeOf(run) === "running") {
    print(`${run.metadata.name}: already under way, waiting for it`);
    run = await finalState(cluster, inputs, run, print);
    // A run that somebody stopped is no answer to these inputs.
    if (outcomeOf(run) === "failed" && !run.spec?.status) throw await failure(cluster, namespace, run);
  }
  if (!run || outcomeOf(run) === "failed") {
    const started = await start(cluster, inputs, hash, latest ? attemptOf(latest) + 1 : 1);
    print(`${started.metadata.name}: started`);
    run = await finalState(cluster, inputs, started, print);
  }
  if (outcomeOf(run) === "failed") throw await failure(cluster, namespace, run);
  return outputsOf(run);
}

async function failure(cluster: Cluster, namespace: string, run: Run): Promise<RunError> {
  return new RunError(run.metadata.name, await explainFailure(cluster, namespace, run));
}

async function finalState(
  cluster: Cluster,
  inputs: RunInputs,
  run: Run,
  print: (line: string) => void,
): Promise<Run> {
  const { name } = run.metadata;
  const deadlineSeconds = inputs.timeoutSeconds + marginSeconds;
  try {
    return await watchRun(cluster, { namespace: inputs.namespace, name, deadlineSeconds, print });
  } catch (error) {
    throw new RunError(name, `PipelineRun ${inputs.namespace}/${name}: ${(error as Error).message}`);
  }
}

async function start(cluster: Cluster, inputs: RunInputs, hash: string, attempt: number): Promise<Run> {
  const { namespace, prefix, spec } = inputs;
  const base = `${prefix.slice(0, prefixLength).replace(/-+$/, "")}-${hash}`;
  const name = attempt === 1 ? base : `${base}-${attempt}`;
  const labels = {
    "app.kubernetes.io/managed-by": "pulumi",
    [resourceLabel]: resourceId(inputs),
    [inputsLabel]: hash,
    [attemptLabel]: String(attempt),
  };
  const body = {
    apiVersion: "tekton.dev/v1",
    kind: "PipelineRun",
    metadata: { name, namespace, labels },
    spec,
  };
  try {
    return await cluster.request<Run>("POST", paths.runs(namespace), { body });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
    // The answer to an earlier request got lost, or another `up` was faster: both mean the same run.
    const run = await cluster.get<Run>(paths.run(namespace, name));
    if (run?.metadata.labels?.[inputsLabel] === hash) return run;
    throw new Error(
      `PipelineRun ${namespace}/${name} exists, but was not started by this program; delete or rename it`,
    );
  }
}

function attemptOf(run: Run): number {
  return Number(run.metadata.labels?.[attemptLabel] ?? 1);
}

function outputsOf(run: Run): RunOutputs {
  return {
    name: run.metadata.name,
    uid: run.metadata.uid ?? "",
    startTime: run.status?.startTime ?? "",
    completionTime: run.status?.completionTime ?? "",
    results: resultsOf(run),
  };
}

/** Stops the runs of a resource that are under way, lets their `finally` tasks end, and removes all of its runs. */
export async function removeRuns(
  cluster: Cluster,
  inputs: RunInputs,
  print: (line: string) => void,
): Promise<void> {
  const { namespace } = inputs;
  const runs = await cluster.request<{ items: Run[] }>("GET", paths.runs(namespace), {
    query: { labelSelector: resourceSelector(inputs) },
  });
  for (const run of runs.items) {
    const path = paths.run(namespace, run.metadata.name);
    if (outcomeOf(run) === "running") {
      print(`${run.metadata.name}: cancelling`);
      await cluster.patch(path, { spec: { status: "CancelledRunFinally" } });
      await watchRun(cluster, { namespace, name: run.metadata.name, deadlineSeconds: 300, print });
    }
    await cluster.delete(path);
  }
}
