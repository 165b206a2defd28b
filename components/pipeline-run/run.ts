/** Starts a PipelineRun or adopts one that is there already, and sees it through. */
import { ApiError, type Cluster } from "../kubernetes/client.ts";
import { InterruptedError } from "../kubernetes/interruption.ts";
import { persistently } from "../kubernetes/retry.ts";
import { explainFailure } from "./failure.ts";
import { baseName, type RunInputs, timeoutOf } from "./inputs.ts";
import { removeLeftovers } from "./leftovers.ts";
import { logsOf, outputsOf, type RunOutputs } from "./outputs.ts";
import { attemptOf, identity, isRetired, isSame, listRuns, newestFirst } from "./ownership.ts";
import { queueMetadata, takeTurn } from "./queue.ts";
import { cancel, cancellationSeconds, stop, waitSeconds } from "./stop.ts";
import { isStopped, outcomeOf, paths, pending, type Run, succeeded } from "./tekton-status.ts";
import { type Ended, watchRun } from "./watch-run.ts";

/** A run that exists but did not succeed. */
export class RunError extends Error {
  readonly runName: string;
  /** Whether another attempt with the same inputs can do better. */
  readonly worthRetrying: boolean;
  constructor(runName: string, message: string, worthRetrying = false) {
    super(message);
    this.runName = runName;
    this.worthRetrying = worthRetrying;
  }
}

type Print = (line: string) => void;

/**
 * The outputs of a successful run with these inputs: the newest one if it succeeded, one that is under way, or a new one (a
 * new attempt where earlier ones failed). Runs of other inputs that are still under way are cancelled first: they write to
 * the same places. Throws a RunError when it fails.
 */
export async function runToSuccess(cluster: Cluster, inputs: RunInputs, print: Print): Promise<RunOutputs> {
  for (let retries = inputs.retries ?? 0; ; retries--) {
    try {
      return await attempt(cluster, inputs, print);
    } catch (error) {
      if (retries <= 0 || !(error instanceof RunError) || !error.worthRetrying) throw error;
      print(`${error.message}\n${retries} more ${retries === 1 ? "attempt" : "attempts"}`);
    }
  }
}

async function attempt(cluster: Cluster, inputs: RunInputs, print: Print): Promise<RunOutputs> {
  const history = newestFirst(await listRuns(cluster, inputs, print));
  await Promise.all(
    history
      .filter((run) => outcomeOf(run) === "running" && !isSame(run, inputs))
      .map((run) => stop(cluster, inputs.namespace, run, print)),
  );
  const latest = history[0];
  const adoptable = latest && isSame(latest, inputs) && !isRetired(latest) ? latest : undefined;
  if (adoptable && outcomeOf(adoptable) === "succeeded") {
    print(`${adoptable.metadata.name}: has succeeded already, taking its results`);
    return finish(cluster, inputs, { run: adoptable, obstacles: new Map() }, print);
  }
  if (adoptable && outcomeOf(adoptable) === "running") {
    const { name } = adoptable.metadata;
    if (!isStopped(adoptable)) {
      print(`${name}: already under way, waiting for it`);
      return seeThrough(cluster, inputs, adoptable, print);
    }
    print(`${name}: is being cancelled, waiting for its end`);
    await watchRun(cluster, { ...inputs, name, deadlineSeconds: cancellationSeconds(adoptable), print });
    await removeLeftovers(cluster, inputs.namespace, [adoptable], print);
  }
  const failed = history.filter((run) => outcomeOf(run) === "failed");
  await removeLeftovers(cluster, inputs.namespace, failed, print);
  const attempts = history.filter((run) => isSame(run, inputs)).map(attemptOf);
  const started = await start(cluster, inputs, Math.max(0, ...attempts) + 1, print);
  return seeThrough(cluster, inputs, started, print);
}

async function seeThrough(cluster: Cluster, inputs: RunInputs, run: Run, print: Print): Promise<RunOutputs> {
  const { namespace, queue } = inputs;
  const { name } = run.metadata;
  const deadlineSeconds = waitSeconds(timeoutOf(inputs));
  let inLine = run.spec?.status === pending;
  try {
    if (queue && inLine) await takeTurn(cluster, { namespace, name, queue, print });
    inLine = false;
    const ended = await watchRun(cluster, { namespace, name, deadlineSeconds, print });
    return await finish(cluster, inputs, ended, print);
  } catch (error) {
    if (error instanceof RunError) throw error;
    if (error instanceof InterruptedError) throw await interrupted(cluster, inputs, name, inLine);
    throw new RunError(name, `PipelineRun ${namespace}/${name}: ${(error as Error).message}`);
  }
}

/** The outputs of a run that has ended well; throws for any other. */
async function finish(
  cluster: Cluster,
  inputs: RunInputs,
  { run, obstacles }: Ended,
  print: Print,
): Promise<RunOutputs> {
  const { name } = run.metadata;
  if (outcomeOf(run) === "failed") {
    const reason = await explainFailure(cluster, inputs.namespace, run, obstacles);
    const left = await removeLeftovers(cluster, inputs.namespace, [run], print).catch(
      (error: Error) =>
        `\nwhat it left may still be there, the next \`pulumi up\` removes it: ${error.message}`,
    );
    // Only tasks that failed can do better; a pipeline that is wrong stays so.
    const worthRetrying = succeeded(run)?.reason === "Failed" && !isStopped(run);
    throw new RunError(name, `${reason}${left ?? ""}\nwhole log: ${logsOf(inputs, name)}`, worthRetrying);
  }
  const outputs = await outputsOf(cluster, inputs, run);
  const missing = (inputs.expectedResults ?? []).filter((result) => !(result in outputs.results));
  if (missing.length === 0) return outputs;
  const skipped = (run.status?.skippedTasks ?? []).map(
    (task) => `${task.name} (${task.reason ?? "skipped"})`,
  );
  throw new RunError(
    name,
    `PipelineRun ${inputs.namespace}/${name}: ended well but gave no result ${missing.join(", ")}` +
      (skipped.length > 0 ? `; tasks that were skipped: ${skipped.join(", ")}` : "") +
      "; change its inputs, or set another trigger to run it again",
  );
}

/** Ctrl-C leaves five seconds at most: one request, and no waiting. */
async function interrupted(
  cluster: Cluster,
  inputs: RunInputs,
  name: string,
  inLine: boolean,
): Promise<RunError> {
  const { namespace, onInterrupt } = inputs;
  const error = (text: string) =>
    new RunError(name, `PipelineRun ${namespace}/${name}: interrupted; ${text}`);
  if (onInterrupt !== "cancel") {
    const present = inLine ? "the run keeps its place in the line" : "the run goes on";
    return error(`${present}, and the next \`pulumi up\` picks it up`);
  }
  try {
    if (inLine) await cluster.delete(paths.run(namespace, name));
    else await cancel(cluster, namespace, name);
    return error("the run is cancelled, and the next `pulumi up` makes a new attempt");
  } catch (cause) {
    return error(`it could not be cancelled: ${(cause as Error).message}`);
  }
}

async function start(cluster: Cluster, inputs: RunInputs, attempt: number, print: Print): Promise<Run> {
  const { namespace, spec, queue } = inputs;
  const base = baseName(inputs);
  const name = attempt === 1 ? base : `${base}-${attempt}`;
  const own = identity(inputs, attempt);
  const line = queue && queueMetadata(queue);
  const body = {
    apiVersion: "tekton.dev/v1",
    kind: "PipelineRun",
    metadata: {
      name,
      namespace,
      labels: { ...own, ...line?.labels },
      ...(line ? { annotations: line.annotations } : {}),
    },
    spec: queue ? { ...spec, status: pending } : spec,
  };
  const say = (text: string) => print(`${name}: ${text}`);
  const create = () => cluster.request<Run>("POST", paths.runs(namespace), { body });
  try {
    const run = await persistently(create, { print: say });
    say("started");
    return run;
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
    // The answer to an earlier request got lost, or another `up` was faster: both mean the same run.
    const run = await persistently(() => cluster.get<Run>(paths.run(namespace, name)), { print: say });
    if (run && isSame(run, inputs) && !isRetired(run)) return run;
    throw new Error(
      `PipelineRun ${namespace}/${name} exists, but was not started by this program; delete or rename it`,
    );
  }
}
