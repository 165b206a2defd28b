/** Names of objects that more than one feature refers to. */

/** The volume on which the tasks of a pipeline hand models over. */
export const sharedClaim = "modelcar-storage";

/** The ConfigMap with what runs outside Pulumi deploy, as the Tasks that do so mount it. */
export const deploymentsMap = "modelcar-deployments";

/** A model registry's database: its Service and all else of it. */
export const databaseName = (registry: string): string => `${registry}-db`;

/** The chat UI: all its objects. */
export const chatName = "anything-llm";

/** Service accounts that are not those of one task. */
export const accounts = { pipeline: "modelcar-pipeline", serving: "modelcar-serving" } as const;

/** Secrets in the namespace of pipelines and models. */
export const secretNames = {
  /** Token for gated models, key HF_TOKEN. */
  huggingFace: "hf-token",
  /** Login of the registry that images are pushed to and pulled from. */
  imageRegistry: "quay-credentials",
  /** The object store for pipelines, which write. */
  objectStore: "minio-credentials",
  /** The object store for KServe, which reads. */
  serving: "minio-serving",
  /** Token for a model registry that asks for one, key token. */
  modelRegistry: "model-registry-token",
  /** The object store as a connection of OpenShift AI's dashboard. */
  connection: "model-storage",
} as const;

/** Secret with the login of `modelcar:imageRegistry`; undefined where it asks for none. */
export function imageRegistrySecret({
  imageRegistry,
}: {
  readonly imageRegistry?: { readonly username?: string | undefined } | undefined;
}): string | undefined {
  return imageRegistry?.username ? secretNames.imageRegistry : undefined;
}

/** Where OpenShift's console looks for dashboards; cluster administrators may write there. */
export const consoleNamespace = "openshift-config-managed";
