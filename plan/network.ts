/** Whom the jobs and models of a stack may talk to. */
import type { Config, Model } from "../config/config.ts";
import type { Destination } from "../pipelines/jobs.ts";
import { objectStoreAddress, registryAddress } from "../rules/addresses.ts";
import { authenticationOf } from "../rules/authentication.ts";
import { candidateName, needsCandidate } from "../rules/candidate.ts";
import { artefactRegistry, imageRegistriesOf, registryUrl } from "./registries.ts";

/** What the policies of a project depend on. */
export interface Network {
  readonly platform: Config["platform"];
  /** Where hub, object store and model registry are. A missing one is reached by nobody. */
  readonly urls: Readonly<Partial<Record<"hub" | "objectStore" | "modelRegistry", string>>>;
  /** Image registries that tasks pull from and push to: URLs, or host[:port] of one with TLS. */
  readonly imageRegistries: readonly string[];
  /** Private address ranges (CIDRs) in which hosts outside the cluster answer, such as a company's mirror. Default: none. */
  readonly privateNetworks?: readonly string[];
  /** Namespaces whose pods may call the models. Routers and monitoring of OpenShift always may. */
  readonly callers?: readonly string[];
  /** The models are open to everybody who has a way to them, as behind an ingress controller whose place nobody told. */
  readonly open?: boolean;
  /** Where the API server is if not on the pods' own node: its addresses (CIDRs). OpenShift's is known. Default: none. */
  readonly apiServer?: readonly string[];
  /** Pods are part of an Istio mesh. */
  readonly mesh?: boolean;
  /** Also close pods that no row is about. False in a namespace that others use too. */
  readonly defaultDeny: boolean;
}

/** A model that is served here, as far as its pods' power goes. */
export interface ServedModel {
  readonly name: string;
  readonly reaches: readonly Destination[];
  /**
   * The registry that its pod pulls the model from, which need not be the one that images are pushed to: host[:port], or the
   * URL of one without TLS.
   */
  readonly registry?: string | undefined;
  /** OpenShift AI's proxy asks callers for a token that may `get` the InferenceService. */
  readonly tokenAuth: boolean;
}

/** What a model's pods need: to fetch the model, and to have callers' tokens checked. */
export function servedModel(model: {
  readonly name: string;
  /**
   * Where the pod itself fetches the model: KServe's storage initializer from the object store, or `oras` from the registry
   * of that name. Default: it does not.
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

/** For the network policies; undefined where config wants none. */
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
    // Nobody told where the controller's pods are.
    open: /ingress|gateway/.test(endpoint.exposure) && endpoint.callers.length === 0,
    mesh: endpoint.mesh,
    defaultDeny: !project.existing,
  };
}

/** What a model's pods reach, and those of the service that it is measured as before it is served. */
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
