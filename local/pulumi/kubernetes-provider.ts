/**
 * Stand-in for `pulumi-resource-kubernetes`, for machines that cannot download the official one: the kinds of
 * `kubernetes/kinds.ts`, always with server-side apply. State is written as the official provider writes it.
 */
import { status } from "./engine-log.ts";
import { applyObject, createObject, fieldManagerOf } from "./kubernetes/apply.ts";
import { waitUntilGone } from "./kubernetes/await.ts";
import { annotation, checkedInputs, declaredInputs, importedInputs } from "./kubernetes/check.ts";
import { ApiError, isNoMatch, isNotFound, objectId, referenceOf } from "./kubernetes/client.ts";
import { type Cluster, connect, warnOnce } from "./kubernetes/cluster.ts";
import { checkConfig, diffConfig, parseConfig } from "./kubernetes/config.ts";
import { diffObject } from "./kubernetes/diff.ts";
import { apiVersion, type Kind, kindOf } from "./kubernetes/kinds.ts";
import { awaitReady } from "./kubernetes/ready.ts";
import { liveOf, oldInputsOf, stateOf } from "./kubernetes/state.ts";
import { pulumiRequire } from "./plugin-server.ts";
import { hasUnknowns, type Properties, plainObject, secret, withSecretsOf } from "./properties.ts";
import type { Provider } from "./provider.ts";
import { serveProvider } from "./provider-server.ts";

const cancelled = new AbortController();
let connection: Promise<Cluster> | undefined;

async function cluster(): Promise<Cluster> {
  if (!connection) throw new Error("the provider is not configured");
  return connection;
}

async function reachableCluster(): Promise<Cluster> {
  const found = await cluster();
  if (found.unreachable) {
    throw new Error(`configured Kubernetes cluster is unreachable: ${found.unreachable}`);
  }
  return found;
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
    connection = connect(parseConfig(plainObject(config)), cancelled.signal);
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
    const { client, config } = await reachableCluster();
    const reference = referenceOf(kind, objectId(inputs));
    const write = {
      client,
      reference,
      inputs,
      fieldManager,
      force: config.enablePatchForce,
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
    const { client, config } = await reachableCluster();
    const reference = referenceOf(kind, id);
    const fieldManager = fieldManagerOf(inputs, plainObject(olds));
    const write = {
      client,
      reference,
      inputs,
      fieldManager,
      force: config.enablePatchForce,
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
