import { existsSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { createInterface } from "node:readline";
import type { KubeConfig } from "@kubernetes/client-node";
import { at, isObject, type Properties } from "../properties.ts";
import { apiVersion, type Kind } from "./kinds.ts";

/** An answer of the API server that is no success, in the server's own words. */
export class ApiError extends Error {
  readonly code: number;
  /** Kubernetes' machine-readable reason, for instance `AlreadyExists`. */
  readonly reason: string;

  constructor(code: number, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

/** The API server could not be reached, or the connection broke; another try may do better. */
export class ConnectionError extends Error {}

/** Where the cluster is and who we are; all that a provider may say about it. */
export interface ClusterConfig {
  /** A kubeconfig file's path, or its contents. Without one, `KUBECONFIG` or `~/.kube/config` is read. */
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
}

/** One object or a list of objects, by kind, namespace and, for one object, name. */
export interface ObjectReference {
  readonly kind: Pick<Kind, "group" | "version" | "plural" | "namespaced">;
  readonly namespace?: string;
  readonly name?: string;
}

interface RequestBody {
  readonly content: unknown;
  readonly type: string;
}

/** Reads the kubeconfig and selects its context. */
export async function loadKubeConfig(config: ClusterConfig): Promise<KubeConfig> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const kubeConfig = new KubeConfig();
  const { kubeconfig } = config;
  if (!kubeconfig) kubeConfig.loadFromDefault();
  else if (existsSync(kubeconfig)) kubeConfig.loadFromFile(kubeconfig);
  else kubeConfig.loadFromString(kubeconfig);
  if (config.context !== undefined) {
    if (!kubeConfig.getContextObject(config.context)) {
      throw new Error(`the kubeconfig has no context ${JSON.stringify(config.context)}`);
    }
    kubeConfig.setCurrentContext(config.context);
  }
  const current = kubeConfig.getContextObject(kubeConfig.getCurrentContext());
  if (!current) throw new Error("the kubeconfig has no current context; set the provider's context");
  const cluster = config.cluster ?? current.cluster;
  kubeConfig.contexts = kubeConfig.contexts.map((context) =>
    context.name === current.name ? { ...context, cluster } : context,
  );
  if (!kubeConfig.getCurrentCluster()) throw new Error(`the kubeconfig has no cluster ${cluster}`);
  return kubeConfig;
}

/** Talks to one API server. */
export class KubernetesClient {
  readonly #kubeConfig: KubeConfig;
  readonly #server: string;
  readonly #warn: (warning: string) => void;

  constructor(kubeConfig: KubeConfig, warn: (warning: string) => void) {
    this.#kubeConfig = kubeConfig;
    this.#server = kubeConfig.getCurrentCluster()?.server.replace(/\/$/, "") ?? "";
    this.#warn = warn;
  }

  /** The namespace of the kubeconfig's context; `default` without one. */
  get namespace(): string {
    const context = this.#kubeConfig.getContextObject(this.#kubeConfig.getCurrentContext());
    return context?.namespace || "default";
  }

  get server(): string {
    return this.#server;
  }

  async serverVersion(signal: AbortSignal): Promise<string> {
    const version = await this.#json("GET", "/version", signal);
    return String(version.gitVersion);
  }

  get(reference: ObjectReference, signal: AbortSignal): Promise<Properties> {
    return this.#json("GET", path(reference), signal);
  }

  list(reference: ObjectReference, query: Record<string, string>, signal: AbortSignal): Promise<Properties> {
    return this.#json("GET", `${path(reference)}?${new URLSearchParams(query)}`, signal);
  }

  /** Creates an object; fails with reason `AlreadyExists` when it is there. */
  create(
    reference: ObjectReference,
    object: Properties,
    query: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Properties> {
    const { name: _name, ...collection } = reference;
    return this.#json("POST", `${path(collection)}?${new URLSearchParams(query)}`, signal, {
      content: object,
      type: "application/json",
    });
  }

  patch(
    reference: ObjectReference,
    type: "application/apply-patch+yaml" | "application/json-patch+json",
    content: unknown,
    query: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Properties> {
    return this.#json("PATCH", `${path(reference)}?${new URLSearchParams(query)}`, signal, { content, type });
  }

  delete(reference: ObjectReference, options: Properties, signal: AbortSignal): Promise<Properties> {
    return this.#json("DELETE", path(reference), signal, { content: options, type: "application/json" });
  }

  /** The events of a watch, until the server ends it. */
  async *watch(
    reference: ObjectReference,
    query: Record<string, string>,
    signal: AbortSignal,
  ): AsyncGenerator<{ type: string; object: Properties }> {
    const parameters = new URLSearchParams({ ...query, watch: "true", allowWatchBookmarks: "true" });
    const response = await this.#send("GET", `${path(reference)}?${parameters}`, signal);
    try {
      for await (const line of createInterface({ input: response })) {
        if (line) yield JSON.parse(line) as { type: string; object: Properties };
      }
    } catch (error) {
      throw connectionError(this.#server, error as Error, signal);
    } finally {
      response.destroy();
    }
  }

  async #json(
    method: string,
    pathAndQuery: string,
    signal: AbortSignal,
    body?: RequestBody,
  ): Promise<Properties> {
    const response = await this.#send(method, pathAndQuery, signal, body);
    return JSON.parse(await text(response)) as Properties;
  }

  async #send(
    method: string,
    pathAndQuery: string,
    signal: AbortSignal,
    body?: RequestBody,
  ): Promise<IncomingMessage> {
    const options: RequestOptions = { headers: { Accept: "application/json" } };
    await this.#kubeConfig.applyToHTTPSOptions(options);
    const headers: Record<string, string> = { ...(options.headers as Record<string, string>) };
    const content = body && JSON.stringify(body.content);
    if (body && content !== undefined) {
      headers["Content-Type"] = body.type;
      headers["Content-Length"] = String(Buffer.byteLength(content));
    }
    const url = `${this.#server}${pathAndQuery}`;
    const send = url.startsWith("http:") ? httpRequest : httpsRequest;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = send(url, { ...options, headers, method, signal }, resolve);
      request.once("error", (error) => reject(connectionError(this.#server, error, signal)));
      request.end(content);
    });
    for (const header of [response.headersDistinct.warning ?? []].flat()) {
      const [, warning] = /^299 \S+ "(.*)"$/.exec(header) ?? [];
      if (warning) this.#warn(warning.replaceAll('\\"', '"'));
    }
    if ((response.statusCode ?? 500) >= 300) throw await apiError(response);
    return response;
  }
}

function path({ kind, namespace, name }: ObjectReference): string {
  const { group, plural, namespaced } = kind;
  const segments = [
    group ? `apis/${apiVersion(kind as Kind)}` : `api/${kind.version}`,
    ...(namespaced && namespace !== undefined ? ["namespaces", encodeURIComponent(namespace)] : []),
    plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
  ];
  return `/${segments.join("/")}`;
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

async function apiError(response: IncomingMessage): Promise<ApiError> {
  const body = await text(response);
  const code = response.statusCode ?? 0;
  try {
    const status: unknown = JSON.parse(body);
    if (isObject(status) && typeof status.message === "string") {
      return new ApiError(code, String(status.reason ?? ""), status.message);
    }
  } catch {
    // Not a Status: the server's text is all there is.
  }
  return new ApiError(code, code === 404 ? "NoMatch" : "", body.trim() || `HTTP status ${code}`);
}

function connectionError(server: string, error: Error, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason instanceof Error ? signal.reason : error;
  return new ConnectionError(`the Kubernetes API server ${server} cannot be reached: ${error.message}`);
}

/** Whether the API server does not know the kind, mostly because its CustomResourceDefinition is missing. */
export function isNoMatch(error: unknown): boolean {
  return error instanceof ApiError && error.reason === "NoMatch";
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}

/** The name under which an object is found again: `namespace/name`, or `name` outside namespaces. */
export function objectId(object: Properties): string {
  const namespace = at(object, "metadata", "namespace");
  const name = String(at(object, "metadata", "name"));
  return typeof namespace === "string" && namespace ? `${namespace}/${name}` : name;
}

/** The object that `id` names. */
export function referenceOf(kind: Kind, id: string): ObjectReference & { name: string } {
  const [first = "", ...rest] = id.split("/");
  return rest.length > 0 ? { kind, namespace: first, name: rest.join("/") } : { kind, name: first };
}
