/** Which runs in the cluster belong to a resource, and which of them have its current inputs. */

import { ApiError } from "@modelcar/kubernetes/client";
import { digestOf } from "@modelcar/kubernetes/digest";
import { persistently } from "@modelcar/kubernetes/retry";
import { type Conventions, labelsOf } from "./conventions.ts";
import { inputsDigest, type RunInputs } from "./inputs.ts";
import type { Site } from "./site.ts";
import { paths, type Run } from "./tekton-status.ts";

type Resource = Pick<RunInputs, "namespace" | "prefix">;

/** A label holds 63 characters; half a SHA-256 is sufficient. */
const inputsId = (inputs: RunInputs) => inputsDigest(inputs).slice(0, 32);
const resourceId = ({ namespace, prefix }: Resource) => digestOf({ namespace, prefix }).slice(0, 16);

/** Labels of a run. */
export function identity(
  conventions: Conventions,
  inputs: RunInputs,
  attempt: number,
): Record<string, string> {
  const labels = labelsOf(conventions);
  return {
    "app.kubernetes.io/managed-by": "pulumi",
    [labels.resource]: resourceId(inputs),
    [labels.inputs]: inputsId(inputs),
    [labels.attempt]: String(attempt),
  };
}

/** Selects all runs of a resource. */
export const resourceSelector = (conventions: Conventions, resource: Resource) =>
  `${labelsOf(conventions).resource}=${resourceId(resource)}`;

/** All runs of a resource, with any inputs. */
export async function listRuns(
  { cluster, namespace, conventions, print }: Site,
  prefix: string,
): Promise<Run[]> {
  const query = { labelSelector: resourceSelector(conventions, { namespace, prefix }) };
  const list = () => cluster.request<{ items: Run[] }>("GET", paths.runs(namespace), { query });
  return (await persistently(list, { print })).items;
}

/** Whether a run has these inputs. */
export function isSame(conventions: Conventions, run: Run, inputs: RunInputs): boolean {
  const names = labelsOf(conventions);
  const labels = run.metadata.labels ?? {};
  return labels[names.resource] === resourceId(inputs) && labels[names.inputs] === inputsId(inputs);
}

export const isRetired = (conventions: Conventions, run: Run) =>
  run.metadata.labels?.[labelsOf(conventions).retired] !== undefined;

/** Marks a run as history, so that no later resource adopts it. */
export async function retire({ cluster, namespace, conventions }: Site, run: Run): Promise<void> {
  const labels = { [labelsOf(conventions).retired]: "true" };
  try {
    await cluster.patch(paths.run(namespace, run.metadata.name), { metadata: { labels } });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}

export function attemptOf(conventions: Conventions, run: Run): number {
  return Number(run.metadata.labels?.[labelsOf(conventions).attempt] ?? 1);
}

export function newestFirst<R extends Run>(conventions: Conventions, runs: readonly R[]): R[] {
  const created = ({ metadata }: Run) => metadata.creationTimestamp ?? "";
  const attempt = (run: Run) => attemptOf(conventions, run);
  return [...runs].sort((a, b) => created(b).localeCompare(created(a)) || attempt(b) - attempt(a));
}
