/** Addresses of the stack's services inside the cluster. */
import kserveNames from "../tasks/common/kserve_names.json" with { type: "json" };

/** Host of a Service, for pods in any namespace. */
export const serviceHost = (service: string, namespace: string): string =>
  `${service}.${namespace}.svc.cluster.local`;

/** The stack's own MinIO: its Service, the Route to its console, and its port. */
export const minio = { service: "minio", console: "minio-console", port: 9000 } as const;

/** Ports of a model registry's REST API, without and with a proxy in front of it. */
export const registryPorts = { none: 8080, serviceAccount: 8443 } as const;

/** An S3 service, as its clients need it. */
export interface S3Address {
  /** Base URL without a path. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
}

/** An existing S3 service, or MinIO in its own namespace. */
type ObjectStore = Pick<S3Address, "bucket" | "region"> &
  ({ readonly endpoint: string } | { readonly namespace: string });

/** The object store of `modelcar:objectStore`. */
export function objectStoreAddress(objectStore: ObjectStore): S3Address {
  const { bucket, region } = objectStore;
  const endpoint = "endpoint" in objectStore ? objectStore.endpoint : minioUrl(objectStore.namespace);
  return { endpoint, bucket, region };
}

/** Base URL of MinIO's S3 API. */
export const minioUrl = (namespace: string): string =>
  `http://${serviceHost(minio.service, namespace)}:${minio.port}`;

/** none: open to everyone. serviceAccount: kube-rbac-proxy admits accounts that may `get` its Service. */
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

/** The registry of `modelcar:registry`: base URL of its REST API, and how callers authenticate. */
export function registryAddress(
  registry: Registry,
  platform: string,
): { readonly url: string; readonly auth: RegistryAuthentication | "token" } {
  if (registry.kind === "url") return registry;
  // OpenShift AI's operator puts a proxy in front of its registry; the plain Deployment has none.
  const own = platform === "openshift" ? "serviceAccount" : "none";
  const auth = registry.kind === "own" ? own : registry.auth;
  const scheme = auth === "none" ? "http" : "https";
  const host = serviceHost(registry.name, registry.namespace);
  return { url: `${scheme}://${host}:${registryPorts[auth]}`, auth };
}

/** First label of the host of an exposed service, as this program, KServe and OpenShift (for Routes without a host) compose it. */
export const hostLabel = (name: string, namespace: string): string => `${name}-${namespace}`;

/** Label `app` of a model's pods, by which KServe's Deployment selects them. */
export const appLabel = (model: string): string => `${kserveNames.appLabel}${predictorName(model)}`;

/** Name of the Service and the Deployment that KServe creates for a model. */
export const predictorName = (model: string): string => `${model}${kserveNames.predictor}`;

/** URL of the Service of a model's pods; KServe may report another one (status.address.url). */
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
