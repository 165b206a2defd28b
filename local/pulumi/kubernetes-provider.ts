/**
 * Stand-in for `pulumi-resource-kubernetes`, for machines that cannot download the official one: the kinds of
 * `kubernetes/kinds.ts`, always with server-side apply. State is written as the official provider writes it.
 */
import { status, warn } from "./engine-log.ts";
import { applyObject, createObject, fieldManagerOf, type Write } from "./kubernetes/apply.ts";
import { waitUntilGone, waitUntilReady } from "./kubernetes/await.ts";
import { annotation, checkedInputs, declaredInputs, importedInputs } from "./kubernetes/check.ts";
import {
  ApiError,
  isNoMatch,
  isNotFound,
  KubernetesClient,
  loadKubeConfig,
  objectId,
  referenceOf,
} from "./kubernetes/client.ts";
import { checkConfig, diffConfig, type ProviderConfig, parseConfig } from "./kubernetes/config.ts";
import { diffObject } from "./kubernetes/diff.ts";
import { apiVersion, type Kind, kindOf } from "./kubernetes/kinds.ts";
import { pulumiRequire } from "./plugin-server.ts";
import {
  hasUnknowns,
  isObject,
  type Properties,
  plain,
  plainObject,
  secret,
  withSecretsOf,
} from "./properties.ts";
import {
  type ChangeOptions,
  NotReadyError,
  type Provider,
  type Resource,
  type ResourceState,
  serveProvider,
} from "./provider-server.ts";

const REACHABLE_TIMEOUT_MS = 10_000;
const cancelled = new AbortController();
const warned = new Set<string>();

interface Cluster {
  readonly config: ProviderConfig;
  readonly client: KubernetesClient;
  /** Why the API server cannot be used, if so. */
  readonly unreachable?: string;
}
let connection: Promise<Cluster> | undefined;

async function connect(config: ProviderConfig): Promise<Cluster> {
  const client = new KubernetesClient(await loadKubeConfig(config), warnOnce);
  try {
    await client.serverVersion(
      AbortSignal.any([cancelled.signal, AbortSignal.timeout(REACHABLE_TIMEOUT_MS)]),
    );
    return { config, client };
  } catch (error) {
    return { config, client, unreachable: (error as Error).message };
  }
}

/** The cluster, which a preview may do without. */
async function cluster(): Promise<Cluster> {
  if (!connection) throw new Error("the provider is not configured");
  return connection;
}

async function reachableCluster(): Promise<Cluster> {
  const found = await cluster();
  if (found.unreachable)
    throw new Error(`configured Kubernetes cluster is unreachable: ${found.unreachable}`);
  return found;
}

function warnOnce(message: string): void {
  if (warned.has(message)) return;
  warned.add(message);
  warn("", message);
}

/** The object as last read, out of a resource's state. */
function liveOf(state: Properties): Properties {
  const {
    __inputs: _inputs,
    __initialApiVersion: _version,
    __fieldManager: _manager,
    ...live
  } = plainObject(state);
  return live;
}

function oldInputsOf(state: Properties): Properties {
  const inputs = plain(state.__inputs);
  return isObject(inputs) ? inputs : {};
}

/** A resource's state: the live object, and beside it what later calls need. `inputs` has secret marks. */
function stateOf(kind: Kind, live: Properties, inputs: Properties, fieldManager: string): Properties {
  const object = withSecretsOf(live, inputs) as Properties;
  if (kind.kind === "Secret" && object.data !== undefined) object.data = secret(live.data);
  return {
    ...object,
    __inputs: inputs,
    __initialApiVersion: apiVersion(kind),
    __fieldManager: fieldManager,
  };
}

async function awaitReady(
  resource: Resource,
  kind: Kind,
  write: Write,
  live: Properties,
  inputs: Properties,
  options: ChangeOptions,
): Promise<ResourceState> {
  const state = (object: Properties) => ({
    id: objectId(object),
    outputs: stateOf(kind, object, inputs, write.fieldManager),
  });
  const report = (message: string) => status(resource.urn, message);
  try {
    const ready = await waitUntilReady(
      { ...write, kind, timeoutSeconds: options.timeoutSeconds, report },
      live,
    );
    report("");
    return state(ready);
  } catch (error) {
    const last = await write.client
      .get(write.reference, AbortSignal.timeout(REACHABLE_TIMEOUT_MS))
      .catch(() => live);
    throw new NotReadyError(
      `the ${kind.kind} ${objectId(live)} is there but did not become ready: ${(error as Error).message}`,
      state(last),
    );
  }
}

/** Whether a preview can do without the server's word on an object, because of what others have yet to create. */
function isPreviewable(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.code === 403 || error.code === 404 || error.reason === "AlreadyExists";
}

function explained(error: unknown, action: string, kind: Kind, id: string): Error {
  const hint = isNoMatch(error)
    ? `the cluster does not know ${apiVersion(kind)} ${kind.kind}; its CustomResourceDefinition is missing: `
    : "";
  return new Error(`${action} ${kind.kind} ${id}: ${hint}${(error as Error).message}`);
}

const provider: Provider = {
  plugin: "pulumi-resource-kubernetes",
  version: (pulumiRequire("@pulumi/kubernetes/package.json") as { version: string }).version,

  async checkConfig(inputs) {
    return checkConfig(inputs);
  },

  diffConfig,

  async configure(config) {
    connection = connect(parseConfig(plainObject(config)));
    await connection;
  },

  async check(resource, olds, news, randomSeed) {
    const kind = kindOf(resource);
    const { client, config } = await cluster();
    const inputs = checkedInputs(
      kind,
      resource.name,
      plainObject(olds),
      plainObject(news),
      config.namespace ?? client.namespace,
      randomSeed,
    );
    return { inputs: withSecretsOf(inputs, news) as Properties };
  },

  async diff(resource, _id, olds, _oldInputs, news, ignoreChanges) {
    const { config } = await cluster();
    return diffObject(kindOf(resource), oldInputsOf(olds), liveOf(olds), plainObject(news), {
      ...config,
      ignoreChanges,
    });
  },

  async create(resource, markedInputs, options) {
    const kind = kindOf(resource);
    const inputs = plainObject(markedInputs);
    const fieldManager = fieldManagerOf(inputs, {});
    const asIs = { id: "", outputs: markedInputs };
    if (options.preview) {
      const { unreachable } = await cluster();
      if (unreachable) warnOnce(`configured Kubernetes cluster is unreachable: ${unreachable}`);
      if (unreachable || hasUnknowns(inputs)) return asIs;
    }
    const { client } = await reachableCluster();
    const reference = referenceOf(kind, objectId(inputs));
    const write = {
      client,
      reference,
      inputs,
      fieldManager,
      dryRun: options.preview,
      signal: cancelled.signal,
    };
    let live: Properties;
    try {
      live = await createObject(write);
    } catch (error) {
      if (options.preview && isPreviewable(error)) return asIs;
      throw explained(error, "creating", kind, objectId(inputs));
    }
    if (!options.preview) return await awaitReady(resource, kind, write, live, markedInputs, options);
    const { status: _status, ...previewed } = live;
    return { id: "", outputs: stateOf(kind, previewed, markedInputs, fieldManager) };
  },

  async read(resource, id, markedInputs, state) {
    const kind = kindOf(resource);
    const { client } = await reachableCluster();
    const oldInputs = plainObject(markedInputs);
    const isImport = Object.keys(oldInputs).length === 0;
    try {
      const live = await client.get(referenceOf(kind, id), cancelled.signal);
      const inputs = isImport ? importedInputs(live) : declaredInputs(kind, live, oldInputs);
      const marked = withSecretsOf(inputs, markedInputs) as Properties;
      if (kind.kind === "Secret" && isImport) marked.data = secret(inputs.data);
      const fieldManager = fieldManagerOf(inputs, plainObject(state));
      return { id, outputs: stateOf(kind, live, marked, fieldManager), inputs: marked };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw explained(error, "reading", kind, id);
    }
  },

  async update(resource, id, olds, markedNews, options) {
    const kind = kindOf(resource);
    const inputs = plainObject(markedNews);
    if (options.preview && (hasUnknowns(inputs) || (await cluster()).unreachable)) return markedNews;
    const { client } = await reachableCluster();
    const reference = referenceOf(kind, id);
    const fieldManager = fieldManagerOf(inputs, plainObject(olds));
    const write = {
      client,
      reference,
      inputs,
      fieldManager,
      dryRun: options.preview,
      signal: cancelled.signal,
    };
    let live: Properties;
    try {
      live = await applyObject(write, await client.get(reference, cancelled.signal), options.ignoreChanges);
    } catch (error) {
      if (options.preview && error instanceof ApiError && error.code === 403) return markedNews;
      throw explained(error, "updating", kind, id);
    }
    if (options.preview) return stateOf(kind, live, markedNews, fieldManager);
    return (await awaitReady(resource, kind, write, live, markedNews, options)).outputs;
  },

  async delete(resource, id, state, timeoutSeconds) {
    const kind = kindOf(resource);
    const { client } = await reachableCluster();
    const inputs = oldInputsOf(state);
    const reference = referenceOf(kind, id);
    const policy = annotation(inputs, "pulumi.com/deletionPropagationPolicy") ?? "foreground";
    const propagationPolicy = policy.charAt(0).toUpperCase() + policy.slice(1);
    const { signal } = cancelled;
    try {
      await client.delete(reference, { propagationPolicy }, signal);
      const report = (message: string) => status(resource.urn, message);
      await waitUntilGone({ client, kind, reference, timeoutSeconds, signal, report }, inputs);
    } catch (error) {
      if (!isNotFound(error)) throw explained(error, "deleting", kind, id);
    }
  },

  cancel() {
    cancelled.abort(new Error("cancelled"));
  },
};

await serveProvider(provider);
