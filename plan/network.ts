/** What the tasks and models of a stack may connect to. */
import type { Config, Model } from "../config/config.ts";
import type { Destination } from "../pipelines/jobs.ts";
import { objectStoreAddress, registryAddress } from "../rules/addresses.ts";
import { authenticationOf } from "../rules/authentication.ts";
import { candidateName, needsCandidate } from "../rules/candidate.ts";
import { artefactRegistry, imageRegistriesOf, registryUrl } from "./registries.ts";

/** What the policies of a project depend on. */
export interface Network {
  readonly platform: Config["platform"];
  /** URLs of hub, object store and model registry. Connections to a missing one are not allowed. */
  readonly urls: Readonly<Partial<Record<"hub" | "objectStore" | "modelRegistry", string>>>;
  /** Image registries that tasks pull from and push to: URLs, or host[:port] of one with TLS. */
  readonly imageRegistries: readonly string[];
  /** Private address ranges (CIDRs) of hosts outside the cluster, such as a company's mirror. Default: none. */
  readonly privateNetworks?: readonly string[];
  /** Namespaces whose pods may call the models. Routers and monitoring of OpenShift always may. */
  readonly callers?: readonly string[];
  /** The models accept connections from anywhere, because the ingress controller's namespace is not configured. */
  readonly open?: boolean;
  /** Addresses of the API server (CIDRs), unless it runs on the pods' node. Not needed on OpenShift. Default: none. */
  readonly apiServer?: readonly string[];
  /** Pods are part of an Istio mesh. */
  readonly mesh?: boolean;
  /** Deny connections of all other pods, too. False in a namespace that others also use. */
  readonly defaultDeny: boolean;
}

/** What a served model's pods may do. */
export interface ServedModel {
  readonly name: string;
  readonly reaches: readonly Destination[];
  /**
   * The registry that its pod pulls the model from, which may differ from the one that images are pushed to: host[:port], or a
   * URL if it has no TLS.
   */
  readonly registry?: string | undefined;
  /** OpenShift AI's proxy requires callers' tokens, of accounts that may `get` the InferenceService. */
  readonly tokenAuth: boolean;
}

/** The connections that a model's pods need to fetch the model and to check callers' tokens. */
export function servedModel(model: {
  readonly name: string;
  /**
   * Where the pod fetches the model from: KServe's storage initializer from the object store, or `oras` from this registry.
   * Default: it does not.
   */
  readonly fetchesFrom?: "objectStore" | { readonly registry: string } | undefined;
  readonly tokenAuth: boolean;
}): ServedModel {
  const { name, fetchesFrom, tokenAuth } = model;
  const fromStore = fetchesFrom === "objectStore";
  return {
    name,
    tokenAuth,
    registry: fromStore ? undefined : fetchesFrom?.registry,
    reaches: [
      ...(fromStore ? (["objectStore"] as const) : []),
      ...(tokenAuth ? (["kubernetesApi"] as const) : []),
    ],
  };
}

/** The input of the network policies; undefined if they are switched off. */
export function networkOf(config: Config): Network | undefined {
  const { platform, project, endpoint, huggingFace } = config;
  if (!project.networkPolicies) return undefined;
  return {
    platform,
    urls: {
      hub: huggingFace.endpoint,
      objectStore: objectStoreAddress(config.objectStore).endpoint,
      modelRegistry: registryAddress(config.registry, platform).url,
    },
    imageRegistries: imageRegistriesOf(config),
    privateNetworks: project.privateNetworks,
    apiServer: project.apiServer,
    callers: endpoint.callers,
    // Without callers the controller's namespace is unknown.
    open: /ingress|gateway/.test(endpoint.exposure) && endpoint.callers.length === 0,
    mesh: endpoint.mesh,
    defaultDeny: !project.existing,
  };
}

/** What the pods of a model and of its candidate may do. */
export function servedModelsOf(model: Model, config: Config): ServedModel[] {
  const served = servedModelOf(model, config);
  const candidate = { ...served, name: candidateName(model.name), tokenAuth: false };
  return needsCandidate(model) ? [served, candidate] : [served];
}

function servedModelOf(model: Model, config: Config): ServedModel {
  const { name, source, package: packaging, serve } = model;
  const kind = "uri" in source ? source.uri.split(":")[0] : packaging.kind;
  const registry = artefactRegistry(model);
  return servedModel({
    name,
    fetchesFrom:
      serve.mode === "kserve" && kind === "s3"
        ? "objectStore"
        : registry === undefined
          ? undefined
          : { registry: registryUrl(registry, config) },
    tokenAuth: authenticationOf(config.platform, model).kind === "platformToken",
  });
}
