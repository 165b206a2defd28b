/**
 * The logic of the PipelineRun resource. Pulumi's provider process loads this file when it needs it, so state holds no copy.
 * It uses the user's kubeconfig, unless the resource has its own.
 */
import { ApiError, Cluster } from "@modelcar/kubernetes/client";
import { InterruptedError, interruptible } from "@modelcar/kubernetes/interruption";
import { keptInState } from "@modelcar/kubernetes/kept-in-state";
import { configure, locate, mustNoteAccess } from "@modelcar/kubernetes/location";
import { uidOf } from "@modelcar/kubernetes/namespaces";
import { clusterToDeleteFrom, readOf } from "@modelcar/kubernetes/unreachable";
import { changedInputs, changes, inOrderOf } from "./changes.ts";
import type { Conventions } from "./conventions.ts";
import { inputFailures, type RunInputs } from "./inputs.ts";
import { outputsOf, type RunOutputs } from "./outputs.ts";
import { isSame } from "./ownership.ts";
import { reasonOf } from "./reason.ts";
import { removeRuns } from "./remove.ts";
import { RunError, runToSuccess } from "./run.ts";
import type { Site } from "./site.ts";
import { outcomeOf, paths, type Run } from "./tekton-status.ts";

/** Pulumi's own property; it must survive a failed create, or later operations find no provider. */
type WithProvider = { readonly __provider?: string };
type Inputs = RunInputs & WithProvider;
/** State of a run; without outputs until it has succeeded. */
type State = RunInputs & Partial<RunOutputs> & WithProvider;

const print = (line: string) => console.log(line);
const said = new Set<string>();
/** Deletion uses these inputs, so state must have their current values; a change starts no run. */
const kept = ["history"] as const;

/** Preview and update both call diff; print its lines once. */
function sayOnce(line: string): void {
  if (said.has(line)) return;
  said.add(line);
  print(line);
}

/** Reports invalid inputs, even in a preview. */
async function check(olds: Partial<Inputs>, news: Inputs) {
  return { inputs: inOrderOf(olds, news), failures: inputFailures(news) };
}

/** The provider of runs with these conventions. */
export function pipelineRunProvider(conventions: Conventions) {
  const locationOf = (resource: RunInputs) => locate(resource, conventions.contextKey);
  const siteOf = (cluster: Cluster, { namespace }: RunInputs): Site => ({
    cluster,
    namespace,
    conventions,
    print,
  });

  /**
   * Compares the inputs that determine the result, and prints which of them start another run (the protocol has no field for
   * the reason). A state without completion time is that of a failed run, which the next `up` tries again. The provider's text
   * is not compared.
   */
  async function diff(_id: string, olds: State, news: Inputs) {
    const replaces = (["namespace", "prefix"] as const).filter((key) => olds[key] !== news[key]);
    const changed = changes(olds, news);
    const unfinished = !olds.completionTime;
    const noted =
      mustNoteAccess(olds, news, conventions.contextKey) ||
      kept.some((key) => (olds[key] ?? "remove") !== (news[key] ?? "remove"));
    if (unfinished)
      sayOnce(
        `${news.prefix}: ${olds.name ?? "the last run"} has not succeeded; up waits for it, or tries again if it failed`,
      );
    else if (changed.length > 0)
      sayOnce(`${news.prefix}: a new run, because of ${changed.map(reasonOf).join(", ")}`);
    return { changes: unfinished || changed.length > 0 || noted, replaces };
  }

  async function create(inputs: Inputs) {
    const id = `${inputs.namespace}/${inputs.prefix}`;
    return { id, outs: await run(id, inputs) };
  }

  /** Starts a new run, unless only inputs that do not affect the result have changed. */
  async function update(id: string, olds: State, news: Inputs) {
    if (olds.completionTime && changedInputs(olds, news).length === 0 && (await isWhereItWas(olds, news))) {
      const { context: _, kubeconfig: __, ...rest } = olds;
      return { outs: { ...rest, ...news } };
    }
    return { outs: await run(id, news) };
  }

  /** Another context or kubeconfig may lead to the same cluster or to another one. */
  async function isWhereItWas(olds: State, news: Inputs): Promise<boolean> {
    if (olds.context === news.context && olds.kubeconfig === news.kubeconfig) return true;
    const uid = await uidOf(Cluster.connect(locationOf(news)), news.namespace);
    return Boolean(uid) && uid === olds.namespaceUid;
  }

  /**
   * A finished run stays in state after Tekton's pruner has deleted it; it is removed only with its namespace. An unfinished run
   * that has succeeded meanwhile provides its results.
   */
  function read(id: string, props: State) {
    return readOf<State>(id, props, locationOf(props), async (cluster) => {
      const { namespace, namespaceUid = "", name } = props;
      const uid = await uidOf(cluster, namespace);
      if (uid === undefined || (namespaceUid && uid && uid !== namespaceUid)) return {};
      if (props.completionTime || !name) return { id, props };
      const found = await cluster.get<Run>(paths.run(namespace, name));
      if (!found || outcomeOf(found) !== "succeeded" || !isSame(conventions, found, props))
        return { id, props };
      return { id, props: { ...props, ...(await outputsOf(cluster, props, found)) } };
    });
  }

  async function remove(id: string, props: State): Promise<void> {
    const cluster = await clusterToDeleteFrom(id, locationOf(props), print);
    if (!cluster) return;
    try {
      await interruptible(() => removeRuns(siteOf(cluster, props), props));
    } catch (error) {
      // Without Tekton there are no runs.
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }

  /** Runs; a failure is kept in state, so that `destroy` removes the run and `up` tries again. */
  async function run(id: string, inputs: Inputs): Promise<Inputs & RunOutputs> {
    try {
      const cluster = Cluster.connect(locationOf(inputs));
      return { ...inputs, ...(await interruptible(() => runToSuccess(siteOf(cluster, inputs), inputs))) };
    } catch (error) {
      if (!(error instanceof RunError || error instanceof InterruptedError)) throw error;
      const name = error instanceof RunError ? { name: error.runName } : {};
      throw keptInState(id, { ...inputs, ...name }, error.message);
    }
  }

  return { configure, check, diff, create, read, update, remove };
}
