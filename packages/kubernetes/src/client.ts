/** A client of the Kubernetes API for dynamic resources. */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { KubeconfigError, loadKubeconfig } from "./kubeconfig.ts";
import type { ClusterAccess } from "./location.ts";

/** An error response of the API server. */
export class ApiError extends Error {
  readonly status: number;
  /** The Retry-After header in seconds, if the server sent one. */
  readonly retryAfterSeconds: number | undefined;
  constructor(status: number, message: string, retryAfterSeconds?: number) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly generation?: number;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    /** Owners of fields (server-side apply). */
    readonly managedFields?: readonly {
      readonly manager?: string;
      readonly time?: string;
      readonly subresource?: string;
      readonly fieldsV1?: Readonly<Record<string, unknown>>;
    }[];
  };
}

export interface Call {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Until the whole response has arrived. Default 30. */
  readonly timeoutSeconds?: number;
}

export class Cluster {
  #config: KubeConfig;
  readonly #reload: () => KubeConfig;

  /** `reload` reads the kubeconfig again when the server refuses the credentials. Default: the same kubeconfig. */
  constructor(config: KubeConfig, reload: () => KubeConfig = () => config) {
    this.#config = config;
    this.#reload = reload;
  }

  /** For clients of @kubernetes/client-node. */
  get config(): KubeConfig {
    return this.#config;
  }

  /**
   * Reads the kubeconfig, by default the one that kubectl finds (KUBECONFIG, ~/.kube/config), and selects the named context.
   * Throws a KubeconfigError if there is none.
   */
  static connect(access: ClusterAccess): Cluster {
    const load = () => loadKubeconfig(access);
    return new Cluster(load(), load);
  }

  /** The JSON response. Throws an ApiError with the server's message for any status but 2xx. */
  async request<T>(method: string, path: string, call: Call = {}): Promise<T> {
    return JSON.parse(await this.text(method, path, call)) as T;
  }

  /** Like {@link request}, for one object; undefined if it does not exist. */
  async get<T>(path: string): Promise<T | undefined> {
    try {
      return await this.request<T>("GET", path);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** The response as text, for logs and proxied services. */
  async text(method: string, path: string, call: Call = {}): Promise<string> {
    const signal = AbortSignal.timeout((call.timeoutSeconds ?? 30) * 1000);
    return bodyOf(await this.open(method, path, call, signal));
  }

  /**
   * A successful response whose body is still to be read, until `signal` aborts. Refused credentials are read again once,
   * because a token can expire during a long wait.
   */
  async open(method: string, path: string, call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    const first = await this.#send(method, path, call, signal);
    const response =
      first.statusCode === 401 ? await this.#sendRenewed(first, method, path, call, signal) : first;
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const retryAfter = Number(response.headers["retry-after"]);
    const hint = status === 401 ? "; log in again, then run this again" : "";
    const message = `${method} ${path}: ${status} ${serverMessage(await bodyOf(response))}${hint}`;
    throw new ApiError(status, message, Number.isFinite(retryAfter) ? retryAfter : undefined);
  }

  async #sendRenewed(refused: IncomingMessage, ...request: Parameters<Cluster["open"]>) {
    refused.resume();
    this.#config = this.#reload();
    return this.#send(...request);
  }

  async #send(method: string, path: string, call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    const server = this.#config.getCurrentCluster()?.server ?? "";
    const url = new URL(server.replace(/\/$/, "") + path);
    for (const [key, value] of Object.entries(call.query ?? {})) url.searchParams.set(key, value);
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const options: RequestOptions = {
      method,
      headers: {
        Accept: "application/json, */*",
        "Content-Type": call.contentType ?? "application/json",
        // Node sets it by itself, but not for DELETE.
        ...(body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) }),
      },
      signal,
    };
    await this.#config.applyToHTTPSOptions(options).catch((error: Error) => {
      throw new KubeconfigError(`the kubeconfig gives no credentials: ${error.message}`);
    });
    return new Promise((resolve, reject) => {
      const send = url.protocol === "http:" ? httpRequest : httpsRequest;
      const request = send(url, options, resolve);
      request.on("error", reject);
      request.end(body);
    });
  }

  /** Changes fields of an object with a JSON merge patch. */
  patch<T>(path: string, body: unknown): Promise<T> {
    return this.request<T>("PATCH", path, { body, contentType: "application/merge-patch+json" });
  }

  /** Deletes an object and its dependents; does nothing if it is already gone or has another uid. */
  async delete(path: string, uid?: string): Promise<void> {
    const propagationPolicy = "Foreground";
    // The server reads either the body or the query.
    const call = uid
      ? { body: { propagationPolicy, preconditions: { uid } } }
      : { query: { propagationPolicy } };
    try {
      await this.request("DELETE", path, call);
    } catch (error) {
      const gone = error instanceof ApiError && (error.status === 404 || (uid && error.status === 409));
      if (!gone) throw error;
    }
  }
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function serverMessage(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: string };
    return message ?? text;
  } catch {
    return text.slice(0, 500);
  }
}
