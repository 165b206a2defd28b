/** Following objects: GET, then watch from that version, again and again until told to stop. */
import { setTimeout as sleep } from "node:timers/promises";
import { Watch } from "@kubernetes/client-node";
import { ApiError, type Cluster, type KubernetesObject } from "./client.ts";

export interface Follow<T extends KubernetesObject> {
  /** Path of the collection, such as /apis/tekton.dev/v1/namespaces/x/pipelineruns. */
  readonly path: string;
  /** Which of its objects: fieldSelector or labelSelector. */
  readonly query: Readonly<Record<string, string>>;
  /** Called with each object at first, and after each change. */
  readonly onChange: (object: T) => void;
  /** Called with the name of an object that is there no more. */
  readonly onGone?: (name: string) => void;
  /** Called after the first and each later reading of the whole collection. */
  readonly onListed?: (objects: readonly T[]) => void;
  readonly signal: AbortSignal;
  /** Pause after a failed attempt in milliseconds, doubled each time up to 15 s. Default 500. */
  readonly pauseMs?: number;
}

/** Statuses that a later attempt cannot change. */
const final = new Set([400, 401, 403, 404, 405, 422]);

/**
 * Follows until `signal` aborts. A closed stream, an expired version (410) or a failed attempt leads to a fresh GET, so no
 * state is ever missed; a refusal (such as 403) is thrown.
 */
export async function follow<T extends KubernetesObject>(
  cluster: Cluster,
  options: Follow<T>,
): Promise<void> {
  const seen = new Map<string, string | undefined>();
  const report = (object: T) => {
    const { name, resourceVersion } = object.metadata;
    if (seen.has(name) && seen.get(name) === resourceVersion) return;
    seen.set(name, resourceVersion);
    options.onChange(object);
  };
  const gone = (name: string) => {
    if (seen.delete(name)) options.onGone?.(name);
  };
  const firstPause = options.pauseMs ?? 500;
  let pause = firstPause;
  while (!options.signal.aborted) {
    try {
      const list = await cluster.request<{ metadata: { resourceVersion: string }; items: T[] }>(
        "GET",
        options.path,
        {
          query: options.query,
        },
      );
      const names = new Set(list.items.map((item) => item.metadata.name));
      for (const name of [...seen.keys()]) if (!names.has(name)) gone(name);
      for (const item of list.items) report(item);
      options.onListed?.(list.items);
      if (options.signal.aborted) return;
      await stream(cluster, options, list.metadata.resourceVersion, report, gone);
      pause = firstPause;
    } catch (error) {
      if (error instanceof ApiError && final.has(error.status)) throw error;
    }
    // Also after a stream that ended well, so that a server that closes at once is not asked in a tight loop.
    await sleep(pause, undefined, { signal: options.signal }).catch(() => undefined);
    pause = Math.min(pause * 2, 15_000);
  }
}

/** One watch request, until it ends for whatever reason. */
function stream<T extends KubernetesObject>(
  cluster: Cluster,
  options: Follow<T>,
  resourceVersion: string,
  report: (object: T) => void,
  gone: (name: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let close = () => {};
    const onEvent = (type: string, object: T) => {
      if (type === "ADDED" || type === "MODIFIED") report(object);
      else if (type === "DELETED") gone(object.metadata.name);
      else if (type === "ERROR") close();
    };
    const onEnd = (error: unknown) => {
      options.signal.removeEventListener("abort", close);
      const status = (error as { statusCode?: number } | null)?.statusCode;
      if (status === undefined || status === 410) resolve();
      else reject(new ApiError(status, `watch ${options.path}: ${status}`));
    };
    const query = { ...options.query, resourceVersion, allowWatchBookmarks: true, timeoutSeconds: 300 };
    new Watch(cluster.config).watch(options.path, query, onEvent, onEnd).then((controller) => {
      close = () => controller.abort();
      if (options.signal.aborted) close();
      else options.signal.addEventListener("abort", close, { once: true });
    }, reject);
  });
}
