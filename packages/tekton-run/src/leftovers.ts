/** Removes objects that runs left because their `finally` did not run or failed, and that hold resources such as GPUs. */
import { ApiError, type KubernetesObject } from "@modelcar/kubernetes/client";
import { persistently } from "@modelcar/kubernetes/retry";
import { DeadlineError, duration, waiting } from "@modelcar/kubernetes/waiting";
import type { LeftoverKind } from "./conventions.ts";
import type { Site } from "./site.ts";
import { outcomeOf, paths, type Run } from "./tekton-status.ts";

interface Owner {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

interface Owned extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & { readonly ownerReferences?: readonly Owner[] };
}

/** A server that streams long answers has ten minutes to terminate. */
const removalSeconds = 600;
const lookSeconds = 2;

const collectionPath = (namespace: string, { apiVersion, plural }: LeftoverKind) =>
  `${apiVersion.includes("/") ? "/apis" : "/api"}/${apiVersion}/namespaces/${namespace}/${plural}`;

/** Removes the leftovers of these finished runs, and waits until their pods are gone. */
export async function removeLeftovers(site: Site, runs: readonly Run[]): Promise<void> {
  const uids = new Set(runs.map(({ metadata }) => metadata.uid));
  if (runs.length > 0) await removeOwned(site, async ({ uid }) => uids.has(uid));
}

/** Removes the leftovers of all finished or deleted runs in the namespace. Returns whether there were any. */
export function removeLeftoversOfAll(site: Site): Promise<boolean> {
  const { cluster, namespace, print } = site;
  return removeOwned(site, async ({ name, uid }) => {
    const run = await persistently(() => cluster.get<Run>(paths.run(namespace, name)), { print });
    return run?.metadata.uid !== uid || outcomeOf(run) !== "running";
  });
}

async function removeOwned(site: Site, isOver: (owner: Owner) => Promise<boolean>): Promise<boolean> {
  let found = false;
  for (const kind of site.conventions.leftovers) {
    for (const object of await list(site, kind)) {
      const { name, ownerReferences, managedFields = [] } = object.metadata;
      const owner = ownerReferences?.find(({ kind }) => kind === "PipelineRun");
      if (!owner || !managedFields.some(({ manager }) => manager === kind.fieldManager)) continue;
      if (!(await isOver(owner))) continue;
      found = true;
      site.print(`removing ${kind.kind} ${name}, which PipelineRun ${owner.name} left`);
      await ifAllowed(site, kind, () => remove(site, kind, object));
    }
  }
  return found;
}

/** Prints a missing permission and continues: the run can do without it. */
async function ifAllowed<T>(
  { namespace, print }: Site,
  { kind, plural }: LeftoverKind,
  action: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 403)) throw error;
    const needs = `list, get and delete on ${plural} in namespace ${namespace}`;
    print(
      `a finished run may have left ${kind}s with their pods: ${error.message}; you need the permissions ${needs}`,
    );
    return undefined;
  }
}

async function list(site: Site, kind: LeftoverKind): Promise<readonly Owned[]> {
  const { cluster, namespace, print } = site;
  const ask = () => cluster.request<{ items: Owned[] }>("GET", collectionPath(namespace, kind));
  try {
    const found = await ifAllowed(site, kind, () => persistently(ask, { print }));
    return found?.items ?? [];
  } catch (error) {
    // The cluster does not know the kind, so there are none.
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}

async function remove(
  { cluster, namespace, print }: Site,
  kind: LeftoverKind,
  { metadata: { name, uid } }: Owned,
): Promise<void> {
  const path = `${collectionPath(namespace, kind)}/${name}`;
  // By its uid, so that a new object with the same name stays.
  await persistently(() => cluster.delete(path, uid), { print });
  const started = performance.now();
  let left = "";
  const podsLeft = async (labelSelector: string) => {
    const { items } = await cluster.request<{ items: KubernetesObject[] }>(
      "GET",
      `/api/v1/namespaces/${namespace}/pods`,
      { query: { labelSelector } },
    );
    return items.map(({ metadata }) => metadata.name);
  };
  const look = async () => {
    const pods = kind.podSelector ? await podsLeft(kind.podSelector.replaceAll("{name}", name)) : [];
    if (pods.length > 0) return `remaining pods: ${pods.join(", ")}`;
    const now = await cluster.get<Owned>(path);
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
    print(`${kind.kind} ${name} is gone after ${duration((performance.now() - started) / 1000)}`);
  } catch (error) {
    // Pods of a lost node stay for long; waiting for them frees nothing.
    if (!(error instanceof DeadlineError)) throw error;
    print(`${kind.kind} ${name}: ${error.message}; continuing, although its pods may still hold resources`);
  }
}
