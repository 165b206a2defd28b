import { setTimeout as sleep } from "node:timers/promises";
import { at, type Properties } from "../properties.ts";
import {
  ApiError,
  ConnectionError,
  type KubernetesClient,
  type ObjectReference,
  objectId,
} from "./client.ts";

/** A set of objects to watch: all of a collection that the selectors choose. */
export interface Watched {
  readonly reference: ObjectReference;
  /** Selects one object by name. */
  readonly name?: string;
  /** Selects objects by labels, in Kubernetes' notation. */
  readonly labelSelector?: string;
}

const RECONNECT_MS = 500;

/**
 * Watches several sets of objects until `decide` returns a value, which is called whenever one of them changes, once
 * all are known. Rejects when `signal` aborts, with its reason, or when the API server refuses.
 */
export async function watchUntil<Decision>(
  client: KubernetesClient,
  sets: readonly Watched[],
  signal: AbortSignal,
  decide: (objects: readonly (readonly Properties[])[]) => Decision | undefined,
): Promise<Decision> {
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  const known: (readonly Properties[] | undefined)[] = sets.map(() => undefined);
  try {
    return await new Promise<Decision>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
      sets.forEach((watched, index) => {
        follow(client, watched, until, (objects) => {
          known[index] = objects;
          if (!known.every((set) => set !== undefined)) return;
          try {
            const decision = decide(known as unknown as Properties[][]);
            if (decision !== undefined) resolve(decision);
          } catch (error) {
            reject(error);
          }
        }).catch(reject);
      });
    });
  } finally {
    ending.abort();
  }
}

/** Reports a set of objects, and again after each change, until `signal` aborts. */
async function follow(
  client: KubernetesClient,
  { reference, name, labelSelector }: Watched,
  signal: AbortSignal,
  report: (objects: readonly Properties[]) => void,
): Promise<void> {
  const query = {
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
  let version: string | undefined;
  const objects = new Map<string, Properties>();
  while (!signal.aborted) {
    try {
      if (version === undefined) {
        const list = await client.list(reference, query, signal);
        objects.clear();
        for (const item of list.items as Properties[]) objects.set(objectId(item), item);
        version = String(at(list, "metadata", "resourceVersion"));
        report([...objects.values()]);
      }
      for await (const { type, object } of client.watch(
        reference,
        { ...query, resourceVersion: version },
        signal,
      )) {
        if (type === "ERROR") {
          version = undefined;
          break;
        }
        version = String(at(object, "metadata", "resourceVersion"));
        if (type === "BOOKMARK") continue;
        if (type === "DELETED") objects.delete(objectId(object));
        else objects.set(objectId(object), object);
        report([...objects.values()]);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ConnectionError) && !isTemporary(error)) throw error;
      if (error instanceof ApiError && error.code === 410) version = undefined;
    }
    await sleep(RECONNECT_MS, undefined, { signal }).catch(() => {});
  }
}

function isTemporary(error: unknown): boolean {
  return error instanceof ApiError && (error.code >= 500 || error.code === 429 || error.code === 410);
}
