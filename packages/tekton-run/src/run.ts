/** Starts a PipelineRun or adopts an existing one, and waits for its result. */
import { ApiError } from "@modelcar/kubernetes/client";
import { InterruptedError } from "@modelcar/kubernetes/interruption";
import { persistently } from "@modelcar/kubernetes/retry";
import { explainFailure } from "./failure.ts";
import { baseName, type RunInputs, timeoutOf } from "./inputs.ts";
import { removeLeftovers } from "./leftovers.ts";
import { logsOf, outputsOf, type RunOutputs } from "./outputs.ts";
import { attemptOf, identity, isRetired, isSame, listRuns, newestFirst } from "./ownership.ts";
import { queueMetadata, takeTurn } from "./queue.ts";
import type { Site } from "./site.ts";
import { cancel, cancellationSeconds, stop, waitSeconds } from "./stop.ts";
import { isStopped, outcomeOf, paths, pending, type Run, succeeded } from "./tekton-status.ts";
import { type Ended, watchRun } from "./watch-run.ts";

/** A run that exists but did not succeed. */
export class RunError extends Error {
  readonly runName: string;
  /** Whether another attempt with the same inputs can succeed. */
  readonly worthRetrying: boolean;
  constructor(runName: string, message: string, worthRetrying = false) {
    super(message);
    this.runName = runName;
    this.worthRetrying = worthRetrying;
  }
}

/**
 * The outputs of a successful run with these inputs: the newest run if it has succeeded or is unfinished, otherwise a new one
 * (another attempt if earlier ones failed). Unfinished runs with other inputs are cancelled first, because they write to the
 * same places. Throws a RunError if the run fails.
 */
export async function runToSuccess(site: Site, inputs: RunInputs): Promise<RunOutputs> {
  for (let retries = inputs.retries ?? 0; ; retries--) {
    try {
      return await attempt(site, inputs);
    } catch (error) {
      if (retries <= 0 || !(error instanceof RunError) || !error.worthRetrying) throw error;
      site.print(`${error.message}\n${retries} more ${retries === 1 ? "attempt" : "attempts"}`);
    }
  }
}

async function attempt(site: Site, inputs: RunInputs): Promise<RunOutputs> {
  const { cluster, conventions, print } = site;
  const isOwn = (run: Run) => isSame(conventions, run, inputs);
  const history = newestFirst(conventions, await listRuns(site, inputs.prefix));
  await Promise.all(
    history.filter((run) => outcomeOf(run) === "running" && !isOwn(run)).map((run) => stop(site, run)),
  );
  const latest = history[0];
  const adoptable = latest && isOwn(latest) && !isRetired(conventions, latest) ? latest : undefined;
  if (adoptable && outcomeOf(adoptable) === "succeeded") {
    print(`${adoptable.metadata.name}: has already succeeded, using its results`);
    return finish(site, inputs, { run: adoptable, obstacles: new Map() });
  }
  if (adoptable && outcomeOf(adoptable) === "running") {
    const { name } = adoptable.metadata;
    if (!isStopped(adoptable)) {
      print(`${name}: already running, waiting for it`);
      return seeThrough(site, inputs, adoptable);
    }
    print(`${name}: is being cancelled, waiting until it has finished`);
    await watchRun(cluster, { ...inputs, name, deadlineSeconds: cancellationSeconds(adoptable), print });
    await removeLeftovers(site, [adoptable]);
  }
  const failed = history.filter((run) => outcomeOf(run) === "failed");
  await removeLeftovers(site, failed);
  const attempts = history.filter(isOwn).map((run) => attemptOf(conventions, run));
  const started = await start(site, inputs, Math.max(0, ...attempts) + 1);
  return seeThrough(site, inputs, started);
}

async function seeThrough(site: Site, inputs: RunInputs, run: Run): Promise<RunOutputs> {
  const { cluster, namespace, print } = site;
  const { queue } = inputs;
  const { name } = run.metadata;
  const deadlineSeconds = waitSeconds(timeoutOf(inputs));
  let isQueued = run.spec?.status === pending;
  try {
    if (queue && isQueued) await takeTurn(site, { name, queue });
    isQueued = false;
    const ended = await watchRun(cluster, { namespace, name, deadlineSeconds, print });
    return await finish(site, inputs, ended);
  } catch (error) {
    if (error instanceof RunError) throw error;
    if (error instanceof InterruptedError) throw await interrupted(site, inputs, name, isQueued);
    throw new RunError(name, `PipelineRun ${namespace}/${name}: ${(error as Error).message}`);
  }
}

/** The outputs of a run that has succeeded; throws for a failed one. */
async function finish(site: Site, inputs: RunInputs, { run, obstacles }: Ended): Promise<RunOutputs> {
  const { cluster, namespace } = site;
  const { name } = run.metadata;
  if (outcomeOf(run) === "failed") {
    const reason = await explainFailure(cluster, namespace, run, obstacles);
    const left = await removeLeftovers(site, [run]).catch(
      (error: Error) =>
        `\nits leftovers may still exist; the next \`pulumi up\` removes them: ${error.message}`,
    );
    // Only failed tasks are worth a retry; an invalid pipeline stays invalid.
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
    `PipelineRun ${inputs.namespace}/${name}: succeeded without the expected results ${missing.join(", ")}` +
      (skipped.length > 0 ? `; skipped tasks: ${skipped.join(", ")}` : "") +
      "; to run it again, change its inputs or its trigger",
  );
}

/** After Ctrl-C there are at most five seconds left: one request, no waiting. */
async function interrupted(
  { cluster, namespace }: Site,
  { onInterrupt }: RunInputs,
  name: string,
  isQueued: boolean,
): Promise<RunError> {
  const error = (text: string) =>
    new RunError(name, `PipelineRun ${namespace}/${name}: interrupted; ${text}`);
  if (onInterrupt !== "cancel") {
    const present = isQueued ? "the run keeps its place in the queue" : "the run continues";
    return error(`${present}, and the next \`pulumi up\` resumes it`);
  }
  try {
    if (isQueued) await cluster.delete(paths.run(namespace, name));
    else await cancel(cluster, namespace, name);
    return error("the run is cancelled, and the next `pulumi up` makes a new attempt");
  } catch (cause) {
    return error(`it could not be cancelled: ${(cause as Error).message}`);
  }
}

async function start(site: Site, inputs: RunInputs, attempt: number): Promise<Run> {
  const { cluster, namespace, conventions, print } = site;
  const { spec, queue } = inputs;
  const base = baseName(inputs);
  const name = attempt === 1 ? base : `${base}-${attempt}`;
  const own = identity(conventions, inputs, attempt);
  const line = queue && queueMetadata(conventions, queue);
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
    // The response to an earlier request was lost, or another `up` was faster: in both cases it is the same run.
    const run = await persistently(() => cluster.get<Run>(paths.run(namespace, name)), { print: say });
    if (run && isSame(conventions, run, inputs) && !isRetired(conventions, run)) return run;
    throw new Error(
      `PipelineRun ${namespace}/${name} exists, but was not started by this program; delete or rename it`,
    );
  }
}
