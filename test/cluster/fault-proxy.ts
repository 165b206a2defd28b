/** Proxies in front of the real API server that fail as networks and servers do, when a test asks for it. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { request } from "node:https";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { kubeconfig } from "./platform.ts";

/** The fate of a request: a status of the proxy, no response, or a 500 in place of the real response. */
export type Fault = { readonly status: number; readonly retryAfter?: number } | "hang" | "lose answer";

const administrator = () => {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return config;
};

/** Speaks HTTP, so that it sees and counts requests. Its clients are administrators, as with kubectl proxy. */
export class HttpProxy {
  readonly #server = createServer((incoming, response) => void this.#handle(incoming, response));
  readonly #config = administrator();
  readonly requests: string[] = [];
  /** Decides about each request, as "METHOD /path?query". */
  fault: (request: string) => Fault | undefined = () => undefined;

  static async start(): Promise<HttpProxy> {
    const proxy = new HttpProxy();
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** A kubeconfig for clients of this proxy. */
  get config(): KubeConfig {
    const { port } = this.#server.address() as AddressInfo;
    return contextFor(`http://127.0.0.1:${port}`);
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const line = `${incoming.method} ${incoming.url}`;
    this.requests.push(line);
    const fault = this.fault(line);
    if (fault === "hang") return;
    const fail = (status: number, retryAfter?: number) => {
      if (retryAfter !== undefined) response.setHeader("Retry-After", String(retryAfter));
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ kind: "Status", message: `fault ${status}` }));
    };
    if (fault && fault !== "lose answer") return fail(fault.status, fault.retryAfter);
    const { host: _, ...headers } = incoming.headers;
    const options = { method: incoming.method ?? "GET", headers };
    await this.#config.applyToHTTPSOptions(options);
    const url = `${this.#config.getCurrentCluster()?.server}${incoming.url}`;
    const forwarded = request(url, options, (answer) => {
      if (fault === "lose answer") {
        answer.resume();
        fail(500);
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.on("error", () => response.destroy());
      answer.pipe(response);
    });
    forwarded.on("error", () => response.destroy());
    response.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  }
}

/** Passes bytes on without reading them. Frozen, it keeps every connection open but silent; cut, it closes them. */
export class TcpProxy {
  readonly #sockets = new Set<Socket>();
  readonly #server = createTcpServer((socket) => this.#pass(socket));
  #cut = false;

  static async start(): Promise<TcpProxy> {
    const proxy = new TcpProxy();
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  get config(): KubeConfig {
    const { port } = this.#server.address() as AddressInfo;
    return contextFor(`https://127.0.0.1:${port}`);
  }

  /** Silences the current connections for good; later ones work. */
  freeze(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  /** Ends every connection and refuses new ones until `restore`. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  restore(): void {
    this.#cut = false;
  }

  #pass(client: Socket): void {
    if (this.#cut) return void client.destroy();
    const url = new URL(administrator().getCurrentCluster()?.server ?? "");
    const server = connect(Number(url.port), url.hostname);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}

/** The administrator's kubeconfig with another server. */
function contextFor(server: string): KubeConfig {
  const real = administrator();
  const config = new KubeConfig();
  const cluster = real.getCurrentCluster();
  const user = real.getCurrentUser();
  if (!cluster || !user) throw new Error(`${kubeconfig} has no current context`);
  // The library refuses plain HTTP otherwise; TLS is still verified.
  const skipTLSVerify = server.startsWith("http:");
  config.loadFromClusterAndUser({ ...cluster, name: "faults", server, skipTLSVerify }, user);
  return config;
}
