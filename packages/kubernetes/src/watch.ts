/** Following objects: GET, then watch from that version, again and again until told to stop. */
import { ApiError, type Cluster, type KubernetesObject } from "./client.ts";
import { Backoff, passes } from "./retry.ts";

export interface Follow<T extends KubernetesObject> {
  /** Path of the collection, such as /apis/tekton.dev/v1/namespaces/x/pipelineruns. */
  readonly path: string;
  /** Which of its objects: fieldSelector or labelSelector. */
  readonly query: Readonly<Record<string, string>>;
  /** Called with each object at first, and after each change. */
  readonly onChange: (object: T) => void;
  /** Called with an object that is there no more, as it was last seen. */
  readonly onGone?: (object: T) => void;
  /** Called after the first and each later reading of the whole collection. */
  readonly onListed?: (objects: readonly T[]) => void;
  /** Called when contact is lost, with the reason, and without one when it is back. */
  readonly onContact?: (lost?: Error) => void;
  readonly signal: AbortSignal;
  /** Pause after a failed attempt in milliseconds, doubled each time up to 15 s. Default 500. */
  readonly pauseMs?: number;
  /** Seconds without a byte after which a stream is taken for dead. Default 90: bookmarks come about every minute. */
  readonly idleSeconds?: number;
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

/** How long a restarting server may refuse what it has answered before: its rules and types load after it listens. */
const confusionMs = 60_000;
/** The server closes a watch after 5 to 10 minutes, as it does for kubectl; a stream that lasted a second was a good one. */
const watchSeconds = () => 300 + Math.floor(Math.random() * 300);
const goodStreamMs = 1000;
/** A server that takes a watch says so at once, whatever there is to tell. */
const answerSeconds = 30;

/**
 * Follows until `signal` aborts. A stream that is closed or silent is opened again at the version last seen; an expired
 * version (410) leads to a fresh GET, so no state is ever missed. A refusal (such as 403) is thrown.
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
      // The server did answer, but cannot go on from that version.
      if (error instanceof ApiError) known.version = undefined;
      if (lostSince === undefined && !isExpired(error)) {
        lostSince = now;
        // Node's own word for a connection that the other side ended in the middle.
        options.onContact?.(failure.message === "aborted" ? new Error("the connection broke") : failure);
      }
    }
    if (failure || performance.now() - began < goodStreamMs) await backoff.pause(failure, signal);
  }
}

/** The objects as last seen, and the version that they are of. */
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

/** One watch request. Returns when the server ends it; throws when it is refused, breaks, or falls silent. */
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
