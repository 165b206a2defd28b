/** Where the stack's services answer inside the cluster. */
import kserveNames from "../tasks/common/kserve_names.json" with { type: "json" };

/** Host of a Service, as pods of other namespaces reach it. */
export const serviceHost = (service: string, namespace: string): string =>
  `${service}.${namespace}.svc.cluster.local`;

/** MinIO of the stack's own: its Service, the Route to its console, and its port. */
export const minio = { service: "minio", console: "minio-console", port: 9000 } as const;

/** A model registry's REST service: without a proxy before it, and with one. */
export const registryPorts = { none: 8080, serviceAccount: 8443 } as const;

/** An S3 service, as its clients must be told of it. */
export interface S3Address {
  /** Base URL without a path. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
}

/** An S3 service that exists, or MinIO in a namespace of its own. */
type ObjectStore = Pick<S3Address, "bucket" | "region"> &
  ({ readonly endpoint: string } | { readonly namespace: string });

/** The object store that `modelcar:objectStore` asks for. */
export function objectStoreAddress(objectStore: ObjectStore): S3Address {
  const { bucket, region } = objectStore;
  const endpoint = "endpoint" in objectStore ? objectStore.endpoint : minioUrl(objectStore.namespace);
  return { endpoint, bucket, region };
}

/** Base URL of MinIO's S3 API. */
export const minioUrl = (namespace: string): string =>
  `http://${serviceHost(minio.service, namespace)}:${minio.port}`;

/** none: it answers everyone. serviceAccount: behind kube-rbac-proxy, to accounts that may `get` its Service. */
export type RegistryAuthentication = "none" | "serviceAccount";

type Registry =
  | { readonly kind: "url"; readonly url: string; readonly auth: "none" | "token" }
  | {
      readonly kind: "existing";
      readonly name: string;
      readonly namespace: string;
      readonly auth: RegistryAuthentication;
    }
  | { readonly kind: "own"; readonly name: string; readonly namespace: string };

/** The registry that `modelcar:registry` asks for: base URL of its REST service, and what it asks its callers for. */
export function registryAddress(
  registry: Registry,
  platform: string,
): { readonly url: string; readonly auth: RegistryAuthentication | "token" } {
  if (registry.kind === "url") return registry;
  // Of OpenShift AI's operator, which puts a proxy before it, or ours without one.
  const own = platform === "openshift" ? "serviceAccount" : "none";
  const auth = registry.kind === "own" ? own : registry.auth;
  const scheme = auth === "none" ? "http" : "https";
  const host = serviceHost(registry.name, registry.namespace);
  return { url: `${scheme}://${host}:${registryPorts[auth]}`, auth };
}

/** First part of the host of something exposed: here, by KServe and by OpenShift where a Route names none. */
export const hostLabel = (name: string, namespace: string): string => `${name}-${namespace}`;

/** Label `app` of the pods that KServe makes for a model, by which its Deployment selects them. */
export const appLabel = (model: string): string => `${kserveNames.appLabel}${predictorName(model)}`;

/** Service that KServe makes for a model, called like its Deployment. */
export const predictorName = (model: string): string => `${model}${kserveNames.predictor}`;

/** URL of the Service before a model's pods; KServe itself may say another (status.address.url). */
export function modelAddress(
  namespace: string,
  { name, serve }: { readonly name: string; readonly serve: { readonly mode: "kserve" | "deployment" } },
): string {
  return `http://${serviceHost(serve.mode === "kserve" ? predictorName(name) : name, namespace)}`;
}

/** Host[:port] of the one registry that config says has no TLS. */
export const plainHttpRegistry = ({
  imageRegistry,
}: {
  readonly imageRegistry?: { readonly server: string; readonly plainHttp: boolean } | undefined;
}): string | undefined => (imageRegistry?.plainHttp ? imageRegistry.server : undefined);
