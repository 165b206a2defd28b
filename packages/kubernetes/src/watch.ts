/** Follows objects: a GET, then a watch from its version, repeated until the signal aborts. */
import { ApiError, type Cluster, type KubernetesObject } from "./client.ts";
import { Backoff, passes } from "./retry.ts";

export interface Follow<T extends KubernetesObject> {
  /** Path of the collection, such as /apis/tekton.dev/v1/namespaces/x/pipelineruns. */
  readonly path: string;
  /** fieldSelector or labelSelector. */
  readonly query: Readonly<Record<string, string>>;
  /** Called with each existing object, and after each change. */
  readonly onChange: (object: T) => void;
  /** Called with the last seen state of a deleted object. */
  readonly onGone?: (object: T) => void;
  /** Called after each GET of the whole collection. */
  readonly onListed?: (objects: readonly T[]) => void;
  /** Called with the reason when contact is lost, and without one when it is restored. */
  readonly onContact?: (lost?: Error) => void;
  readonly signal: AbortSignal;
  /** Pause after a failed attempt in milliseconds, doubled each time up to 15 s. Default 500. */
  readonly pauseMs?: number;
  /** Seconds without data after which a stream is considered dead. Default 90: bookmarks arrive about every minute. */
  readonly idleSeconds?: number;
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

/** How long a restarting server may refuse a request that it answered before: it loads RBAC rules and CRDs after it listens. */
const confusionMs = 60_000;
/** The server closes a watch after 5 to 10 minutes, as for kubectl; a stream that lasted a second was successful. */
const watchSeconds = () => 300 + Math.floor(Math.random() * 300);
const goodStreamMs = 1000;
/** A server that accepts a watch responds at once, even without events. */
const answerSeconds = 30;

/**
 * Follows until `signal` aborts. A closed or silent stream is opened again at the last seen version; an expired version (410)
 * leads to a new GET, so no state is missed. A refusal (such as 403) is thrown.
 */
export async function follow<T extends KubernetesObject>(
  cluster: Cluster,
  options: Follow<T>,
): Promise<void> {
  const { signal } = options;
  const known = new Known(options);
  const backoff = new Backoff(options.pauseMs);
  let answered = false;
  let lostSince: number | undefined;
  const inContact = () => {
    answered = true;
    if (lostSince !== undefined) options.onContact?.();
    lostSince = undefined;
    backoff.reset();
  };
  while (!signal.aborted) {
    const began = performance.now();
    let failure: Error | undefined;
    try {
      if (known.version === undefined) await known.read(cluster);
      if (signal.aborted) return;
      await stream(cluster, options, known, inContact);
    } catch (error) {
      if (signal.aborted) return;
      failure = error as Error;
      const now = performance.now();
      const confused = answered && now - (lostSince ?? now) < confusionMs;
      if (!passes(error) && !isExpired(error) && !confused) throw error;
      // The server responded, but cannot continue from that version.
      if (error instanceof ApiError) known.version = undefined;
      if (lostSince === undefined && !isExpired(error)) {
        lostSince = now;
        // Node's message for a connection that the other side closed.
        options.onContact?.(failure.message === "aborted" ? new Error("the connection broke") : failure);
      }
    }
    if (failure || performance.now() - began < goodStreamMs) await backoff.pause(failure, signal);
  }
}

/** The last seen objects and their version. */
class Known<T extends KubernetesObject> {
  readonly #options: Follow<T>;
  readonly #objects = new Map<string, T>();
  version: string | undefined;

  constructor(options: Follow<T>) {
    this.#options = options;
  }

  async read(cluster: Cluster): Promise<void> {
    const { path, query, onListed } = this.#options;
    const list = await cluster.request<{ metadata: { resourceVersion: string }; items: T[] }>("GET", path, {
      query,
    });
    const names = new Set(list.items.map((item) => item.metadata.name));
    for (const [name, object] of [...this.#objects]) if (!names.has(name)) this.#gone(object);
    for (const item of list.items) this.#changed(item);
    this.version = list.metadata.resourceVersion;
    onListed?.(list.items);
  }

  take({ type, object }: WatchEvent<T>): void {
    if (type === "ERROR") {
      const { code = 500, message = "" } = object as { code?: number; message?: string };
      throw new ApiError(code, `watch ${this.#options.path}: ${code} ${message}`);
    }
    this.version = object.metadata.resourceVersion;
    if (type === "ADDED" || type === "MODIFIED") this.#changed(object);
    else if (type === "DELETED") this.#gone(object);
  }

  #changed(object: T): void {
    const { name, resourceVersion } = object.metadata;
    const before = this.#objects.get(name);
    this.#objects.set(name, object);
    if (!before || before.metadata.resourceVersion !== resourceVersion) this.#options.onChange(object);
  }

  #gone(object: T): void {
    if (this.#objects.delete(object.metadata.name)) this.#options.onGone?.(object);
  }
}

/** One watch request. Returns when the server ends it; throws if it is refused, breaks, or is silent too long. */
async function stream<T extends KubernetesObject>(
  cluster: Cluster,
  options: Follow<T>,
  known: Known<T>,
  inContact: () => void,
): Promise<void> {
  const idleSeconds = options.idleSeconds ?? 90;
  const silence = new AbortController();
  const expireAfter = (seconds: number) =>
    setTimeout(() => {
      silence.abort(new DOMException(`no byte on the watch for ${seconds} s`, "TimeoutError"));
    }, seconds * 1000);
  let timer = expireAfter(Math.min(answerSeconds, idleSeconds));
  const query = {
    ...options.query,
    watch: "true",
    allowWatchBookmarks: "true",
    resourceVersion: known.version ?? "",
    timeoutSeconds: String(watchSeconds()),
  };
  const signal = AbortSignal.any([options.signal, silence.signal]);
  try {
    const response = await cluster.open("GET", options.path, { query }, signal);
    inContact();
    clearTimeout(timer);
    timer = expireAfter(idleSeconds);
    let rest = "";
    for await (const chunk of response.setEncoding("utf8")) {
      timer.refresh();
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (!options.signal.aborted) known.take(JSON.parse(line) as WatchEvent<T>);
    }
  } catch (error) {
    throw silence.signal.aborted ? silence.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

const isExpired = (error: unknown) => error instanceof ApiError && error.status === 410;
