/** A stand-in for the Kubernetes API server, for tests: objects in memory, real HTTP, real watch streams. */
import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { Cluster } from "../src/client.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests write and read any kind of object
type Anything = any;
type Handler = (request: IncomingMessage, response: ServerResponse, body: Anything) => boolean;

interface Watcher {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
}

interface Event {
  readonly path: string;
  readonly type: string;
  readonly object: Anything;
  readonly version: number;
}

export class FakeApi {
  readonly #objects = new Map<string, Anything>();
  readonly #watchers = new Set<Watcher>();
  /** All changes so far, because a watch starts at an earlier version. */
  readonly #events: Event[] = [];
  readonly #server: Server;
  #version = 1;
  /** Every request, as "METHOD /path". */
  readonly requests: string[] = [];
  /** Answers requests before the fake itself does; returns true when it has. */
  intercept: Handler = () => false;
  /** Called after an object is created, to act as its controller. */
  onCreate: (path: string, object: Anything) => void = () => {};
  /** Called after a patch. */
  onPatch: (path: string, object: Anything) => void = () => {};

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        this.#handle(request, response, text ? JSON.parse(text) : undefined);
      });
    });
  }

  static async start(): Promise<FakeApi> {
    const api = new FakeApi();
    await new Promise<void>((resolve) => api.#server.listen(0, "127.0.0.1", resolve));
    return api;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** For connections other than requests, such as port-forwards. */
  get server(): Server {
    return this.#server;
  }

  /** Writes a kubeconfig whose contexts lead here, and none is the current one but `elsewhere`, which leads to no server. */
  writeKubeconfig(
    file: string,
    contexts: readonly string[] = ["fake"],
    { elsewhere }: { readonly elsewhere?: string } = {},
  ): void {
    const context = (name: string, cluster: string) => ({ name, context: { cluster, user: "tester" } });
    const content = {
      clusters: [
        { name: "fake", cluster: { server: this.url, "insecure-skip-tls-verify": true } },
        ...(elsewhere ? [{ name: "none", cluster: { server: "http://127.0.0.1:1" } }] : []),
      ],
      users: [{ name: "tester", user: {} }],
      contexts: [
        ...contexts.map((name) => context(name, "fake")),
        ...(elsewhere ? [context(elsewhere, "none")] : []),
      ],
      ...(elsewhere ? { "current-context": elsewhere } : {}),
    };
    writeFileSync(file, JSON.stringify(content));
  }

  /** A client for this server, with `token`, and `renewed` once the kubeconfig is read again. */
  cluster({ token, renewed = token }: { token?: string; renewed?: string } = {}): Cluster {
    const configWith = (token?: string) => {
      const config = new KubeConfig();
      config.loadFromClusterAndUser(
        { name: "fake", server: this.url, skipTLSVerify: true },
        { name: "tester", ...(token ? { token } : {}) },
      );
      return config;
    };
    return new Cluster(configWith(token), () => configWith(renewed));
  }

  object(path: string): Anything {
    return this.#objects.get(path);
  }

  /** Writes an object and notifies the watchers. */
  put(path: string, object: Anything): void {
    const type = this.#objects.has(path) ? "MODIFIED" : "ADDED";
    const stored = structuredClone(object);
    stored.metadata = {
      uid: `uid-${path.split("/").at(-1)}`,
      ...stored.metadata,
      resourceVersion: String(++this.#version),
    };
    this.#objects.set(path, stored);
    this.#notify(path, type, stored);
  }

  /** Changes an object in place and notifies the watchers. */
  edit(path: string, change: (object: Anything) => void): void {
    const object = structuredClone(this.#objects.get(path));
    change(object);
    this.put(path, object);
  }

  remove(path: string): void {
    const object = this.#objects.get(path);
    this.#objects.delete(path);
    this.#version++;
    if (object) this.#notify(path, "DELETED", object);
  }

  /** Ends every watch stream, first sending `event` if there is one. */
  closeWatches(event?: Anything): void {
    for (const { response } of this.#watchers) {
      if (event) response.write(`${JSON.stringify(event)}\n`);
      response.end();
    }
    this.#watchers.clear();
  }

  get openWatches(): number {
    return this.#watchers.size;
  }

  #notify(path: string, type: string, object: Anything): void {
    const event = { path, type, object, version: this.#version };
    this.#events.push(event);
    for (const watcher of this.#watchers) send(watcher, event);
  }

  #handle(request: IncomingMessage, response: ServerResponse, body: Anything): void {
    const url = new URL(request.url ?? "/", this.url);
    const path = url.pathname;
    this.requests.push(`${request.method} ${path}${url.searchParams.has("watch") ? " (watch)" : ""}`);
    if (this.intercept(request, response, body)) return;
    const answer = (status: number, content: unknown) => {
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(content));
    };
    if (url.searchParams.has("watch")) {
      response.writeHead(200, { "Content-Type": "application/json" }).flushHeaders();
      const watcher = { path, query: url.searchParams, response };
      this.#watchers.add(watcher);
      response.on("close", () => this.#watchers.delete(watcher));
      const since = Number(url.searchParams.get("resourceVersion"));
      for (const event of this.#events) if (event.version > since) send(watcher, event);
      return;
    }
    if (request.method === "POST") {
      const created = `${path}/${body.metadata.name}`;
      if (this.#objects.has(created)) {
        answer(409, { kind: "Status", message: `${created} already exists` });
      } else {
        this.put(created, body);
        answer(201, this.object(created));
        this.onCreate(created, this.object(created));
      }
    } else if (request.method === "PATCH" && this.#objects.has(path)) {
      this.edit(path, (object) => merge(object, body));
      answer(200, this.object(path));
      this.onPatch(path, this.object(path));
    } else if (request.method === "DELETE" && this.#objects.has(path)) {
      this.remove(path);
      answer(200, { kind: "Status", status: "Success" });
    } else if (request.method === "GET" && this.#objects.has(path)) {
      answer(200, this.object(path));
    } else if (request.method === "GET" && /\/namespaces\/[^/]+\/[^/]+$/.test(path)) {
      const entries = [...this.#objects].filter(([key]) => key.startsWith(`${path}/`));
      const items = entries.map(([, item]) => item).filter((item) => selects(url.searchParams, item));
      answer(200, { kind: "List", metadata: { resourceVersion: String(this.#version) }, items });
    } else answer(404, { kind: "Status", message: `${path} not found` });
  }
}

function send(watcher: Watcher, { path, type, object }: Event): void {
  if (!path.startsWith(`${watcher.path}/`) || !selects(watcher.query, object)) return;
  watcher.response.write(`${JSON.stringify({ type, object })}\n`);
}

function selects(query: URLSearchParams, object: Anything): boolean {
  const pairs = (selector: string) =>
    (query.get(selector) ?? "")
      .split(",")
      .filter(Boolean)
      .map((pair) => pair.split("=") as [key: string, value: string]);
  const field = (path: string) => path.split(".").reduce((at, key) => at?.[key], object);
  return (
    pairs("fieldSelector").every(([path, value]) => field(path) === value) &&
    pairs("labelSelector").every(([key, value]) => object.metadata.labels?.[key] === value)
  );
}

function merge(target: Anything, patch: Anything): void {
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      target[key] ??= {};
      merge(target[key], value);
    } else if (value === null) delete target[key];
    else target[key] = value;
  }
}
