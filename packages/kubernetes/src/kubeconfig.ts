/** Loads the kubeconfig by client-go's rules, so that it accepts what kubectl accepts. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { parse } from "yaml";
import { type ClusterAccess, nameOf } from "./location.ts";

/** The kubeconfig is not usable: it cannot be read, or has no server or no credentials. */
export class KubeconfigError extends Error {}

/** The kubeconfig does not have the context. */
export class UnknownContextError extends KubeconfigError {}

/** None of the kubeconfig files exists. Has their `path` and the code ENOENT. */
export class MissingKubeconfigError extends KubeconfigError {
  readonly code = "ENOENT";
  readonly path: string;
  constructor(path: string) {
    super(`the kubeconfig cannot be read: ENOENT, no such file: ${path}`);
    this.path = path;
  }
}

interface Part {
  readonly config: KubeConfig;
  /** Including incomplete contexts, which the library omits. */
  readonly contexts: readonly string[];
}

/**
 * A kubeconfig whose current context is the given one: the given kubeconfig, or the files of KUBECONFIG or ~/.kube/config.
 * Throws a {@link KubeconfigError} if the context does not exist or is incomplete.
 */
export function loadKubeconfig({ context: named, kubeconfig }: ClusterAccess): KubeConfig {
  const { config, contexts } = kubeconfig === undefined ? load() : given(kubeconfig);
  const context = named ?? config.getCurrentContext();
  if (!context) throw new UnknownContextError("the kubeconfig has no current context; name one");
  const found = config.getContextObject(context);
  if (!found && contexts.includes(context)) throw incomplete(context, "names no cluster");
  if (!found) {
    throw new UnknownContextError(
      `the kubeconfig has no context "${context}" (it has: ${contexts.join(", ") || "none"})`,
    );
  }
  const server = config.getCluster(found.cluster)?.server;
  if (!server)
    throw incomplete(context, `names cluster "${found.cluster}", which is missing or has no server`);
  if (!URL.canParse(server)) throw incomplete(context, `leads to "${server}", which is not an address`);
  if (found.user && !config.getUser(found.user)) {
    throw incomplete(context, `names user "${found.user}", which is missing`);
  }
  config.setCurrentContext(context);
  return config;
}

function incomplete(context: string, lack: string): KubeconfigError {
  return new KubeconfigError(`the kubeconfig's ${nameOf({ context })} ${lack}`);
}

/** A path or the content itself, as for the Kubernetes provider. */
function given(kubeconfig: string): Part {
  const path = kubeconfig.replace(/^~(?=\/)/, homedir());
  if (existsSync(path)) return read(path) ?? nothing();
  // Content is a mapping, so it has a colon; anything else is the path of a missing file.
  if (!/[:{]/.test(kubeconfig)) throw new MissingKubeconfigError(kubeconfig);
  return partOf(kubeconfig, "given to the resource") ?? nothing();
}

const nothing = (): Part => ({ config: new KubeConfig(), contexts: [] });

/** For clusters, users, contexts and the current context, the first file that names them wins. */
function load(): Part {
  const variable = process.env.KUBECONFIG;
  const files = variable ? variable.split(delimiter).filter(Boolean) : [join(homedir(), ".kube", "config")];
  const present = files.filter(existsSync);
  if (present.length === 0 && files.length > 0) {
    if (variable) throw new MissingKubeconfigError(files.join(delimiter));
    return outsideOfFiles();
  }
  const parts = present.map(read).filter((part) => part !== undefined);
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: firstOfEachName(parts.flatMap((part) => part.config.getClusters())),
    users: firstOfEachName(parts.flatMap((part) => part.config.getUsers())),
    contexts: firstOfEachName(parts.flatMap((part) => part.config.getContexts())),
    currentContext: parts.map((part) => part.config.getCurrentContext()).find(Boolean),
  });
  return { config, contexts: [...new Set(parts.flatMap(({ contexts }) => contexts))] };
}

/** Without files: in a pod, its service account. */
function outsideOfFiles(): Part {
  const config = new KubeConfig();
  config.loadFromDefault();
  return { config, contexts: config.getContexts().map(({ name }) => name) };
}

/** Undefined for an empty file. Paths in it are relative to the file. */
function read(file: string): Part | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(file, error);
  }
  const part = partOf(text, file);
  part?.config.makePathsAbsolute(dirname(resolve(file)));
  return part;
}

/** `source` is named in errors. */
function partOf(text: string, source: string): Part | undefined {
  try {
    const content: unknown = parse(text);
    if (content === null || content === undefined) return undefined;
    if (typeof content !== "object" || Array.isArray(content)) throw new Error("it is not a kubeconfig");
    const config = new KubeConfig();
    // Incomplete entries do no harm unless they are used.
    config.loadFromString(JSON.stringify(content), { onInvalidEntry: "filter" });
    return { config, contexts: namesOf((content as { contexts?: unknown }).contexts) };
  } catch (error) {
    throw unreadable(source, error);
  }
}

function unreadable(source: string, error: unknown): KubeconfigError {
  // Further lines of a parser's message quote the file, possibly a token.
  const [reason] = (error as Error).message.split("\n");
  return new KubeconfigError(`the kubeconfig ${source} cannot be read: ${reason}`);
}

function namesOf(entries: unknown): string[] {
  if (!Array.isArray(entries)) return [];
  return entries
    .map((entry: { name?: unknown } | null) => entry?.name)
    .filter((name) => typeof name === "string");
}

function firstOfEachName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  return entries.filter(({ name }, index) => entries.findIndex((other) => other.name === name) === index);
}
