import type { Resource } from "../provider.ts";

/** A kind of Kubernetes object that the stand-in serves. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Whether the API server itself defines it, so that it drops empty fields and merges lists by name. */
  readonly builtIn: boolean;
  /** Property paths that cannot change in place. */
  readonly immutable: readonly string[];
}

const LABEL_SELECTOR = ["spec.selector"];
const DATA = ["data", "binaryData"];

const KINDS: readonly Kind[] = [
  builtIn("", "v1", "Namespace", "namespaces", [], false),
  builtIn("", "v1", "ResourceQuota", "resourcequotas", ["spec.scopes"]),
  builtIn("", "v1", "LimitRange", "limitranges"),
  builtIn("", "v1", "ServiceAccount", "serviceaccounts"),
  builtIn("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", [
    "spec.accessModes",
    "spec.selector",
    "spec.storageClassName",
    "spec.volumeMode",
    "spec.volumeName",
  ]),
  builtIn("", "v1", "Secret", "secrets", ["type", "data", "stringData"]),
  builtIn("", "v1", "ConfigMap", "configmaps", DATA),
  builtIn("", "v1", "Service", "services", ["spec.clusterIP"]),
  builtIn("apps", "v1", "Deployment", "deployments", LABEL_SELECTOR),
  builtIn("batch", "v1", "Job", "jobs", [
    "spec.completions",
    "spec.parallelism",
    "spec.selector",
    "spec.template",
  ]),
  builtIn("rbac.authorization.k8s.io", "v1", "Role", "roles"),
  builtIn("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", ["roleRef"]),
  builtIn("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
  builtIn("networking.k8s.io", "v1", "Ingress", "ingresses"),
  custom("tekton.dev", "v1", "Task", "tasks"),
  custom("tekton.dev", "v1", "Pipeline", "pipelines"),
  custom("serving.kserve.io", "v1alpha1", "ServingRuntime", "servingruntimes"),
  custom("serving.kserve.io", "v1alpha1", "ClusterStorageContainer", "clusterstoragecontainers", false),
  custom("serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices"),
  custom("route.openshift.io", "v1", "Route", "routes"),
  custom("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
  custom("networking.istio.io", "v1", "VirtualService", "virtualservices"),
  custom("networking.istio.io", "v1", "DestinationRule", "destinationrules"),
  custom("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
  custom("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
  custom("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"),
  custom("modelregistry.opendatahub.io", "v1beta1", "ModelRegistry", "modelregistries"),
];

function builtIn(
  group: string,
  version: string,
  kind: string,
  plural: string,
  immutable: readonly string[] = [],
  namespaced = true,
): Kind {
  return { group, version, kind, plural, namespaced, builtIn: true, immutable };
}

function custom(group: string, version: string, kind: string, plural: string, namespaced = true): Kind {
  return { group, version, kind, plural, namespaced, builtIn: false, immutable: [] };
}

/** The type token of a kind, for instance `kubernetes:apps/v1:Deployment`. */
function token({ group, version, kind }: Kind): string {
  return `kubernetes:${group || "core"}/${version}:${kind}`;
}

const BY_TOKEN = new Map(KINDS.map((kind) => [token(kind), kind]));

/** The `apiVersion` of a kind's objects. */
export function apiVersion({ group, version }: Kind): string {
  return group ? `${group}/${version}` : version;
}

/** The kind that `resource` is of; throws for kinds that the stand-in does not serve. */
export function kindOf({ type }: Resource): Kind {
  const kind = BY_TOKEN.get(type);
  if (kind) return kind;
  throw new Error(
    `pulumi-resource-kubernetes here is a stand-in that does not serve ${type}, only ` +
      `${[...BY_TOKEN.keys()].join(", ")}`,
  );
}
