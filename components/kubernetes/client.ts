/** The Kubernetes API as the dynamic resources use it: one cluster, chosen by context. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";

/** What the API server answered when it refused a request. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
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
  };
}

export interface Call {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly timeoutSeconds?: number;
}

export class Cluster {
  readonly config: KubeConfig;

  constructor(config: KubeConfig) {
    this.config = config;
  }

  /** Reads the kubeconfig as kubectl does (KUBECONFIG, ~/.kube/config), but takes the named context. */
  static connect(context: string): Cluster {
    const config = new KubeConfig();
    config.loadFromDefault();
    if (!config.getContextObject(context)) {
      const known = config.getContexts().map((entry) => entry.name);
      throw new Error(`the kubeconfig has no context "${context}" (it has: ${known.join(", ") || "none"})`);
    }
    config.setCurrentContext(context);
    return new Cluster(config);
  }

  /** The JSON answer. Throws an ApiError with the server's own words for any status but 2xx. */
  async request<T>(method: string, path: string, call: Call = {}): Promise<T> {
    return JSON.parse(await this.text(method, path, call)) as T;
  }

  /** Like {@link request}, for one object: undefined when it does not exist. */
  async get<T>(path: string): Promise<T | undefined> {
    try {
      return await this.request<T>("GET", path);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** The answer as it is, for logs and proxied services. */
  async text(method: string, path: string, call: Call = {}): Promise<string> {
    const server = this.config.getCurrentCluster()?.server ?? "";
    const url = new URL(server.replace(/\/$/, "") + path);
    for (const [key, value] of Object.entries(call.query ?? {})) url.searchParams.set(key, value);
    const timeoutSeconds = call.timeoutSeconds ?? 30;
    const options: RequestOptions = {
      method,
      headers: { Accept: "application/json, */*", "Content-Type": call.contentType ?? "application/json" },
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
    };
    await this.config.applyToHTTPSOptions(options);
    return new Promise((resolve, reject) => {
      const send = url.protocol === "http:" ? httpRequest : httpsRequest;
      const request = send(url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(text);
          else reject(new ApiError(status, `${method} ${path}: ${status} ${serverMessage(text)}`));
        });
      });
      request.on("error", reject);
      request.end(call.body === undefined ? undefined : JSON.stringify(call.body));
    });
  }

  /** Changes fields of an object by a JSON merge patch. */
  patch<T>(path: string, body: unknown): Promise<T> {
    return this.request<T>("PATCH", path, { body, contentType: "application/merge-patch+json" });
  }

  /** Deletes an object and what it owns; nothing happens when it is gone already. */
  async delete(path: string): Promise<void> {
    try {
      await this.request("DELETE", path, { query: { propagationPolicy: "Foreground" } });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }
}

function serverMessage(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: string };
    return message ?? text;
  } catch {
    return text.slice(0, 500);
  }
}
