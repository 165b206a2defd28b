/** Where the stack's services answer inside the cluster, by its configuration. Pure. */
import { predictorService } from "../../components/manifests/inference-service.ts";
import { s3Host } from "../../components/manifests/object-store.ts";
import { registryUrl } from "../../components/manifests/registry.ts";
import type { Config, Model } from "../../config.ts";

/** The object store's URL and bucket. */
export function objectStoreOf({ objectStore }: Config) {
  const { bucket } = objectStore;
  return {
    bucket,
    endpoint: "endpoint" in objectStore ? objectStore.endpoint : `http://${s3Host(objectStore.namespace)}`,
  };
}

/** The model registry's URL, and what it asks its callers for. */
export function registryOf({ registry, platform }: Config): { readonly url: string; readonly auth: string } {
  if (registry.kind === "url") return registry;
  const own = platform === "openshift" ? ("serviceAccount" as const) : ("none" as const);
  const auth = registry.kind === "own" ? own : registry.auth;
  return { url: registryUrl(registry, auth), auth };
}

/** URL of the Service before a model's pods; KServe itself may say another (status.address.url). */
export function defaultEndpoint({ namespace }: Pick<Config, "namespace">, { name, serve }: Model): string {
  const service = serve.mode === "kserve" ? predictorService(name).name : name;
  return `http://${service}.${namespace}.svc.cluster.local`;
}
