/** Unbound claims that keep a pod from being scheduled. Nothing else waits for claims. */
import { ApiError, type Cluster, type KubernetesObject } from "./client.ts";
import type { Pod } from "./pods.ts";

interface Claim extends KubernetesObject {
  readonly spec?: { readonly storageClassName?: string };
  readonly status?: { readonly phase?: string };
}

interface Event {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

/**
 * The unbound claims of a pod without a node, and the last event of each; undefined if there are none. A claim that only waits
 * for its provisioner is not reported while the scheduler has not refused the pod.
 */
export async function unboundClaims(
  cluster: Cluster,
  namespace: string,
  pod: Pod,
): Promise<string | undefined> {
  if (pod.spec?.nodeName) return undefined;
  const names = (pod.spec?.volumes ?? []).flatMap(
    ({ persistentVolumeClaim: claim }) => claim?.claimName ?? [],
  );
  const refused = pod.status?.conditions?.some(
    ({ type, status }) => type === "PodScheduled" && status === "False",
  );
  const lines = await Promise.all(
    names.map((name) => ifAllowed(() => lineOf(cluster, namespace, name, refused ?? false))),
  );
  return lines.filter(Boolean).join("; ") || undefined;
}

/** Without permission to read claims or their events the result is incomplete, but nothing fails. */
async function ifAllowed<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return undefined;
    throw error;
  }
}

async function lineOf(cluster: Cluster, namespace: string, name: string, refused: boolean) {
  const claim = await cluster.get<Claim>(`/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`);
  if (!claim) return `claim ${name} does not exist`;
  if (claim.status?.phase === "Bound") return undefined;
  const event = await ifAllowed(() => lastEvent(cluster, namespace, name));
  if (!refused && event?.type !== "Warning") return undefined;
  const why = event ? `: ${event.reason}: ${event.message}` : withoutEvents(claim);
  return `claim ${name} is not bound${why}`;
}

function withoutEvents({ spec }: Claim): string {
  return spec?.storageClassName
    ? ` (storage class ${spec.storageClassName})`
    : ": it names no storage class, and the cluster has no default class; set storageClass";
}

/** The last warning, or else the last event. */
async function lastEvent(cluster: Cluster, namespace: string, name: string): Promise<Event | undefined> {
  const fieldSelector = `involvedObject.kind=PersistentVolumeClaim,involvedObject.name=${name}`;
  const path = `/api/v1/namespaces/${namespace}/events`;
  const { items } = await cluster.request<{ items: Event[] }>("GET", path, { query: { fieldSelector } });
  const time = ({ lastTimestamp, eventTime }: Event) => lastTimestamp ?? eventTime ?? "";
  const sorted = items.sort((a, b) => time(a).localeCompare(time(b)));
  return sorted.findLast(({ type }) => type === "Warning") ?? sorted.at(-1);
}
