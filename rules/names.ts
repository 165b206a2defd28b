/** Names of objects that more than one feature refers to. */

/** The claim that passes models between the tasks of a pipeline. */
export const sharedClaim = "modelcar-storage";

/** The ConfigMap with templates for runs outside Pulumi, which the deploying Tasks mount. */
export const deploymentsMap = "modelcar-deployments";

/** Name of all objects of a model registry's database. */
export const databaseName = (registry: string): string => `${registry}-db`;

/** Name of all objects of the chat UI. */
export const chatName = "anything-llm";

/** Service accounts that do not belong to a single task. */
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
  /** Token for a model registry that requires one, key token. */
  modelRegistry: "model-registry-token",
  /** The object store as a connection of OpenShift AI's dashboard. */
  connection: "model-storage",
} as const;

/** Secret with the login of `modelcar:imageRegistry`; undefined if it has none. */
export function imageRegistrySecret({
  imageRegistry,
}: {
  readonly imageRegistry?: { readonly username?: string | undefined } | undefined;
}): string | undefined {
  return imageRegistry?.username ? secretNames.imageRegistry : undefined;
}

/** Where OpenShift's console looks for dashboards; cluster administrators may write there. */
export const consoleNamespace = "openshift-config-managed";
