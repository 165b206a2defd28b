/** What of the config decides whom the jobs and models may talk to. */
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
  const { platform, project, endpoint, huggingFace, imageRegistry } = config;
  if (!project.networkPolicies) return undefined;
  return {
    platform,
    urls: {
      ...urls,
      hub: huggingFace.endpoint,
      ...(imageRegistry ? { imageRegistry: imageRegistry.server } : {}),
    },
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
export function servedModelsOf(model: Model, platform: string): ServedModel[] {
  const served = servedModelOf(model, platform);
  const candidate = { ...served, name: candidateName(model.name), tokenAuth: false };
  return needsCandidate(model) ? [served, candidate] : [served];
}

function servedModelOf({ name, source, package: packaging, serve }: Model, platform: string): ServedModel {
  const uri = "uri" in source ? source.uri : `${packaging.kind}:`;
  const fromStore = serve.mode === "kserve" && uri.startsWith("s3:");
  const [registry] = uri.replace(/^oci:\/\//, "").split("/");
  const fromRegistry = registry && serve.mode === "deployment" && serve.cache?.fetch === "oras";
  return servedModel({
    name,
    fetchesFrom: fromStore ? "objectStore" : fromRegistry ? { registry } : undefined,
    tokenAuth: serve.auth && serve.mode === "kserve" && platform === "openshift",
  });
}
