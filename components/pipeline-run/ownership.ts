/** Which runs in the cluster belong to a resource, and which of them answer its present inputs. */

import { ApiError, type Cluster } from "../kubernetes/client.ts";
import { persistently } from "../kubernetes/retry.ts";
import { digestOf } from "../shared/digest.ts";
import { inputsDigest, type RunInputs } from "./inputs.ts";
import { paths, type Run } from "./tekton-status.ts";

const resourceLabel = "modelcar/resource";
const inputsLabel = "modelcar/inputs";
const attemptLabel = "modelcar/attempt";
/** On runs that a destroyed resource has left as history: what they made may be gone. */
const retiredLabel = "modelcar/retired";

type Resource = Pick<RunInputs, "namespace" | "prefix">;

/** A label holds 63 characters; half a SHA-256 is as good. */
const inputsId = (inputs: RunInputs) => inputsDigest(inputs).slice(0, 32);
const resourceId = ({ namespace, prefix }: Resource) => digestOf({ namespace, prefix }).slice(0, 16);

/** Labels of a run. */
export function identity(inputs: RunInputs, attempt: number): Record<string, string> {
  return {
    "app.kubernetes.io/managed-by": "pulumi",
    [resourceLabel]: resourceId(inputs),
    [inputsLabel]: inputsId(inputs),
    [attemptLabel]: String(attempt),
  };
}

/** Selects all runs of a resource. */
export const resourceSelector = (resource: Resource) => `${resourceLabel}=${resourceId(resource)}`;

/** All runs of a resource, whatever their inputs were. */
export async function listRuns(
  cluster: Cluster,
  resource: Resource,
  print: (line: string) => void,
): Promise<Run[]> {
  const query = { labelSelector: resourceSelector(resource) };
  const list = () => cluster.request<{ items: Run[] }>("GET", paths.runs(resource.namespace), { query });
  return (await persistently(list, { print })).items;
}

/** Whether a run is of these inputs. */
export function isSame(run: Run, inputs: RunInputs): boolean {
  const labels = run.metadata.labels ?? {};
  return labels[resourceLabel] === resourceId(inputs) && labels[inputsLabel] === inputsId(inputs);
}

export const isRetired = (run: Run) => run.metadata.labels?.[retiredLabel] !== undefined;

/** Keeps a run as history that no later resource takes for its own result. */
export async function retire(cluster: Cluster, namespace: string, run: Run): Promise<void> {
  const labels = { [retiredLabel]: "true" };
  try {
    await cluster.patch(paths.run(namespace, run.metadata.name), { metadata: { labels } });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}

export function attemptOf(run: Run): number {
  return Number(run.metadata.labels?.[attemptLabel] ?? 1);
}

export function newestFirst(runs: readonly Run[]): Run[] {
  const created = ({ metadata }: Run) => metadata.creationTimestamp ?? "";
  return [...runs].sort((a, b) => created(b).localeCompare(created(a)) || attemptOf(b) - attemptOf(a));
}
