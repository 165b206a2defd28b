/**
 * The logic behind the PipelineRun resource. Pulumi's provider process loads this file when it needs it, so state never
 * holds a copy. No secret is among inputs or outputs, and the cluster is reached by the user's kubeconfig.
 */
import { ApiError, Cluster } from "../kubernetes/client.ts";
import { contextOf, mustNoteContext } from "../kubernetes/context.ts";
import { InterruptedError, interruptible } from "../kubernetes/interruption.ts";
import { keptInState } from "../kubernetes/kept-in-state.ts";
import { uidOf } from "../kubernetes/namespaces.ts";
import { clusterToDeleteFrom, readOf } from "../kubernetes/unreachable.ts";
import { type Change, changedInputs, changes, inOrderOf } from "./changes.ts";
import { inputFailures, type RunInputs } from "./inputs.ts";
import { outputsOf, type RunOutputs } from "./outputs.ts";
import { isSame } from "./ownership.ts";
import { removeRuns } from "./remove.ts";
import { RunError, runToSuccess } from "./run.ts";
import { outcomeOf, paths, type Run } from "./tekton-status.ts";

export { configure } from "../kubernetes/context.ts";

/** Pulumi's own entry among the properties; it must survive a failed create, or later operations find no provider. */
type WithProvider = { readonly __provider?: string };
type Inputs = RunInputs & WithProvider;
/** State of a run; one that has not succeeded lacks the outputs. */
type State = RunInputs & Partial<RunOutputs> & WithProvider;

const print = (line: string) => console.log(line);
const said = new Set<string>();
/** Deletion goes by these, so state must know them; a change asks for no run. */
const kept = ["history"] as const;
/** Letters of a value in a line of the preview; some params are whole manifests. */
const longestShown = 60;

/** Finds mistakes in the preview already. */
export async function check(olds: Partial<Inputs>, news: Inputs) {
  return { inputs: inOrderOf(olds, news), failures: inputFailures(news) };
}

/**
 * Compares what makes the result, and says which of it asks for another run; a state without completion time is a run that
 * failed, which the next `up` tries again. The protocol has no place for the reason, so it is a line of output.
 */
export async function diff(_id: string, olds: State, news: Inputs) {
  const replaces = (["namespace", "prefix"] as const).filter((key) => olds[key] !== news[key]);
  const changed = changes(olds, news);
  const unfinished = !olds.completionTime;
  const noted =
    mustNoteContext(olds, news) || kept.some((key) => (olds[key] ?? "remove") !== (news[key] ?? "remove"));
  if (unfinished)
    sayOnce(
      `${news.prefix}: ${olds.name ?? "the last run"} has not succeeded; up waits for it, or tries again if it failed`,
    );
  else if (changed.length > 0)
    sayOnce(`${news.prefix}: a new run, because of ${changed.map(reason).join(", ")}`);
  return { changes: unfinished || changed.length > 0 || noted, replaces };
}

/** An input that changes, from what to what. Of a digest only the name says something. */
function reason({ name, before, after, isLater }: Change): string {
  const later = "known after apply, no run if it stays";
  const isDigest = name === "definition" || name === "trigger";
  if (isLater && (isDigest || before === undefined)) return `${name} (${later})`;
  if (isDigest) return name;
  const [old, next] = [before, after].map((value) => (value === undefined ? "none" : JSON.stringify(value)));
  const [from = "", to = ""] = isLater ? [cut(old, 0), ""] : differing(old ?? "", next ?? "");
  return `${name} (${from} → ${isLater ? later : to})`;
}

/** Two texts where they begin to differ, because a param may be a whole manifest. */
function differing(...texts: [string, string]): string[] {
  const [one, other] = texts;
  const same = [...one].findIndex((letter, at) => letter !== other[at]);
  const isLong = texts.some(({ length }) => length > longestShown);
  return texts.map((text) => cut(text, isLong ? Math.max(0, same - longestShown / 3) : 0));
}

function cut(text = "", start: number): string {
  const end = start + longestShown;
  return `${start > 0 ? "…" : ""}${text.slice(start, end)}${text.length > end ? "…" : ""}`;
}

/** Preview and update both compare; one line is enough. */
function sayOnce(line: string): void {
  if (said.has(line)) return;
  said.add(line);
  print(line);
}

export async function create(inputs: Inputs) {
  const id = `${inputs.namespace}/${inputs.prefix}`;
  return { id, outs: await run(id, inputs) };
}

/** Runs anew, unless only something was changed that makes no other result. */
export async function update(id: string, olds: State, news: Inputs) {
  if (olds.completionTime && changedInputs(olds, news).length === 0 && (await isWhereItWas(olds, news))) {
    return { outs: { ...olds, ...news } };
  }
  return { outs: await run(id, news) };
}

/** Another context may be another name of the same cluster, or another cluster. */
async function isWhereItWas(olds: State, news: Inputs): Promise<boolean> {
  if (olds.context === news.context) return true;
  const uid = await uidOf(Cluster.connect(contextOf(news)), news.namespace);
  return Boolean(uid) && uid === olds.namespaceUid;
}

/**
 * A finished run stays finished when Tekton's pruner has removed it; only with its namespace is it gone. A run that was
 * left under way and has succeeded since gives its results.
 */
export function read(id: string, props: State) {
  return readOf<State>(id, props, async (cluster) => {
    const { namespace, namespaceUid = "", name } = props;
    const uid = await uidOf(cluster, namespace);
    if (uid === undefined || (namespaceUid && uid && uid !== namespaceUid)) return {};
    if (props.completionTime || !name) return { id, props };
    const found = await cluster.get<Run>(paths.run(namespace, name));
    if (!found || outcomeOf(found) !== "succeeded" || !isSame(found, props)) return { id, props };
    return { id, props: { ...props, ...(await outputsOf(cluster, props, found)) } };
  });
}

export async function remove(id: string, props: State): Promise<void> {
  const cluster = await clusterToDeleteFrom(id, props, print);
  if (!cluster) return;
  try {
    await interruptible(() => removeRuns(cluster, props, print));
  } catch (error) {
    // Where Tekton itself is gone, so are its runs.
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}

/** Runs, and makes a failure one that Pulumi keeps in state, so that `destroy` removes the run and `up` tries again. */
async function run(id: string, inputs: Inputs): Promise<Inputs & RunOutputs> {
  try {
    const cluster = Cluster.connect(contextOf(inputs));
    return { ...inputs, ...(await interruptible(() => runToSuccess(cluster, inputs, print))) };
  } catch (error) {
    if (!(error instanceof RunError || error instanceof InterruptedError)) throw error;
    const name = error instanceof RunError ? { name: error.runName } : {};
    throw keptInState(id, { ...inputs, ...name }, error.message);
  }
}
