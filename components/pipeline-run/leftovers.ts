/**
 * What runs leave when their `finally` did not do its work: models that one run alone serves (Task deploy-model with
 * OWNER_UID), and the GPUs of their pods. The cluster removes such a model with its run; but a run that has ended is kept,
 * for its log, so the model is removed here.
 */
import { ApiError, type Cluster, type KubernetesObject } from "../kubernetes/client.ts";
import { persistently } from "../kubernetes/retry.ts";
import { DeadlineError, duration, waiting } from "../kubernetes/waiting.ts";
import { outcomeOf, paths, type Run } from "./tekton-status.ts";

interface Owner {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

interface Model extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & {
    readonly ownerReferences?: readonly Owner[];
    readonly managedFields?: readonly { readonly manager?: string }[];
  };
}

type Print = (line: string) => void;

/** A server that streams long answers gets ten minutes to end, as in Task remove-model. */
const removalSeconds = 600;
const lookSeconds = 2;
/** Who made it, as tasks/common/serving_objects.py says it: what another tool made for a run is that tool's. */
export const maker = "modelcar-deploy-model";

const modelsPath = (namespace: string) =>
  `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices`;

/** Removes what these runs left, and waits until its pods are gone. Call it for runs that have ended. */
export async function removeLeftovers(
  cluster: Cluster,
  namespace: string,
  runs: readonly Run[],
  print: Print,
): Promise<void> {
  const uids = new Set(runs.map(({ metadata }) => metadata.uid));
  if (runs.length > 0) await removeOwned(cluster, namespace, async ({ uid }) => uids.has(uid), print);
}

/** Removes what any run that has ended, or is there no more, left in the namespace. Returns whether there was something. */
export function removeLeftoversOfAll(cluster: Cluster, namespace: string, print: Print): Promise<boolean> {
  const isOver = async ({ name, uid }: Owner) => {
    const run = await persistently(() => cluster.get<Run>(paths.run(namespace, name)), { print });
    return run?.metadata.uid !== uid || outcomeOf(run) !== "running";
  };
  return removeOwned(cluster, namespace, isOver, print);
}

async function removeOwned(
  cluster: Cluster,
  namespace: string,
  isOver: (owner: Owner) => Promise<boolean>,
  print: Print,
): Promise<boolean> {
  let found = false;
  for (const model of await listModels(cluster, namespace, print)) {
    const { name, ownerReferences, managedFields = [] } = model.metadata;
    const owner = ownerReferences?.find(({ kind }) => kind === "PipelineRun");
    if (!owner || !managedFields.some(({ manager }) => manager === maker)) continue;
    if (!(await isOver(owner))) continue;
    found = true;
    print(`removing InferenceService ${name}, which PipelineRun ${owner.name} left`);
    await allowed(namespace, print, () => removeModel(cluster, namespace, model, print));
  }
  return found;
}

/** Goes on without a right that is missing, and says which: a run is no worse for it than it was. */
async function allowed<T>(namespace: string, print: Print, action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 403)) throw error;
    const needs = `list, get and delete on inferenceservices in namespace ${namespace}`;
    print(
      `a run that has ended may have left a model with its GPUs: ${error.message}; give yourself ${needs}`,
    );
    return undefined;
  }
}

async function listModels(cluster: Cluster, namespace: string, print: Print): Promise<readonly Model[]> {
  const list = () => cluster.request<{ items: Model[] }>("GET", modelsPath(namespace));
  try {
    const models = await allowed(namespace, print, () => persistently(list, { print }));
    return models?.items ?? [];
  } catch (error) {
    // Without KServe no run serves a model.
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}

async function removeModel(
  cluster: Cluster,
  namespace: string,
  { metadata: { name, uid } }: Model,
  print: Print,
): Promise<void> {
  const path = `${modelsPath(namespace)}/${name}`;
  // By its uid, so that a successor of that name stays.
  await persistently(() => cluster.delete(path, uid), { print });
  const started = performance.now();
  let left = "";
  const look = async () => {
    const { items } = await cluster.request<{ items: KubernetesObject[] }>(
      "GET",
      `/api/v1/namespaces/${namespace}/pods`,
      // KServe's own label, as tasks/common/serving_objects.py has it.
      { query: { labelSelector: `app=isvc.${name}-predictor` } },
    );
    const pods = items.map(({ metadata }) => metadata.name);
    if (pods.length > 0) return `pods that are left: ${pods.join(", ")}`;
    const now = await cluster.get<Model>(path);
    return now && now.metadata.uid === uid ? "it is being deleted" : "";
  };
  const wait = {
    deadlineSeconds: removalSeconds,
    print: (line: string) => print(`${name}: ${line}`),
    state: () => left,
  };
  try {
    await waiting(wait, async ({ signal, done }) => {
      while (!signal.aborted) {
        left = await persistently(look, { print });
        if (!left) return done();
        await new Promise((resolve) => setTimeout(resolve, lookSeconds * 1000));
      }
    });
    print(`InferenceService ${name} is gone after ${duration((performance.now() - started) / 1000)}`);
  } catch (error) {
    // Pods of a node that is lost stay for long, and no other GPU is freed by waiting for them.
    if (!(error instanceof DeadlineError)) throw error;
    print(`InferenceService ${name}: ${error.message}; its GPUs may not be free yet, going on`);
  }
}
