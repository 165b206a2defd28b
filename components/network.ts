/** What of the config decides whom the jobs and models may talk to. */
import { registryOf } from "../config/fields.ts";
import type { Config, Model } from "../config.ts";
import { needsCandidate } from "../sizing/stack.ts";
import { candidateName } from "./manifests/candidate.ts";
import { type ServedModel, servedModel } from "./manifests/jobs.ts";
import type { Network } from "./manifests/network-policies.ts";

/** For the network policies; undefined where config wants none. */
export function networkOf(
  config: Config,
  urls: { readonly objectStore: string; readonly modelRegistry: string },
): Network | undefined {
  const { platform, project, endpoint, huggingFace } = config;
  if (!project.networkPolicies) return undefined;
  return {
    platform,
    urls: {
      ...urls,
      hub: huggingFace.endpoint,
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

/** The registry of the config, those that models are pushed to, and that of the base they are packed onto. */
function imageRegistriesOf(config: Config): string[] {
  const pushed = config.models.flatMap((model) =>
    model.package.kind === "modelcar" ? [model.package.image] : [],
  );
  const images = [...pushed, config.images.modelcarBase ?? []].flat();
  const servers = [config.imageRegistry?.server ?? [], images.map(registryOf)].flat();
  return [...new Set(servers)].map((server) => registryUrl(server, config));
}

/** Host[:port] of the one registry that config says has no TLS. */
export const plainHttpRegistry = ({ imageRegistry }: Pick<Config, "imageRegistry">): string | undefined =>
  imageRegistry?.plainHttp ? imageRegistry.server : undefined;

/** Host[:port] of a registry with TLS, the URL of one without. */
const registryUrl = (server: string, config: Config): string =>
  server === plainHttpRegistry(config) ? `http://${server}` : server;

/** The registry that a model's own pods pull it from as an artefact; an image is the kubelet's to pull. */
function artefactRegistry({ source, serve }: Pick<Model, "source" | "serve">): string | undefined {
  if (!("uri" in source) || serve.mode !== "deployment" || serve.cache?.fetch !== "oras") return undefined;
  return registryOf(source.uri.replace(/^oci:\/\//, ""));
}

/** Whether a model's own pods pull it from the registry that has no TLS. */
export function isPulledWithoutTls(
  model: Pick<Model, "source" | "serve">,
  config: Pick<Config, "imageRegistry">,
): boolean {
  const registry = artefactRegistry(model);
  return registry !== undefined && registry === plainHttpRegistry(config);
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
    tokenAuth: serve.auth && serve.mode === "kserve" && config.platform === "openshift",
  });
}
