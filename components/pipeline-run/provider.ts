/**
 * The logic behind the PipelineRun resource. Pulumi's provider process loads this file when it needs it, so state never
 * holds a copy. No secret is among inputs or outputs, and the cluster is reached by the user's kubeconfig.
 */
import { ApiError, Cluster } from "../kubernetes/client.ts";
import { inputsDigest, RunError, type RunInputs, type RunOutputs, removeRuns, runToSuccess } from "./run.ts";

/** Pulumi's own entry among the properties; it must survive a failed create, or later operations find no provider. */
type WithProvider = { readonly __provider?: string };
type Inputs = RunInputs & WithProvider;
/** State of a run; one that has not succeeded lacks the outputs. */
type State = RunInputs & Partial<RunOutputs> & WithProvider;

const print = (line: string) => console.log(line);

/** Compares what makes a run; a state without completion time is a run that failed, which the next `up` tries again. */
export async function diff(_id: string, olds: State, news: Inputs) {
  const replaces = (["namespace", "prefix"] as const).filter((key) => olds[key] !== news[key]);
  return { changes: !olds.completionTime || inputsDigest(olds) !== inputsDigest(news), replaces };
}

export async function create(inputs: Inputs) {
  const id = `${inputs.namespace}/${inputs.prefix}`;
  return { id, outs: await run(id, inputs) };
}

export async function update(id: string, _olds: State, news: Inputs) {
  return { outs: await run(id, news) };
}

/** A finished run stays finished when Tekton's pruner has removed it; only with its namespace is it gone. */
export async function read(id: string, props: State) {
  const namespace = await Cluster.connect(props.context).get(`/api/v1/namespaces/${props.namespace}`);
  return namespace ? { id, props } : {};
}

export async function remove(_id: string, props: State): Promise<void> {
  try {
    await removeRuns(Cluster.connect(props.context), props, print);
  } catch (error) {
    // Where Tekton itself is gone, so are its runs.
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}

/** Runs, and makes a failure one that Pulumi keeps in state, so that `destroy` removes the run and `up` tries again. */
async function run(id: string, inputs: Inputs): Promise<Inputs & RunOutputs> {
  try {
    return { ...inputs, ...(await runToSuccess(Cluster.connect(inputs.context), inputs, print)) };
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    throw Object.assign(new Error(error.message), {
      id,
      properties: { ...inputs, name: error.runName },
      reasons: [error.message],
    });
  }
}
