/** The pipeline that imports a model from the hub into the object store and the registry, and its runs. */

import { models, type PipelineDefinition, param, resultOf, runOnly } from "./definition.ts";
import { modelVersion, runOf } from "./run.ts";
import type { RunSettings } from "./run-settings.ts";
import type { HubSource } from "./specs.ts";

/** Params of the pipeline, with the names that its tasks use. */
const params = {
  HUGGINGFACE_MODEL: "Repository on the hub, <owner>/<name>",
  HUGGINGFACE_REVISION: "Commit SHA to pull",
  HUGGINGFACE_ALLOW_PATTERNS: "Patterns of the files to pull, separated by spaces",
  HF_ENDPOINT: "Base URL of the hub",
  MODEL_NAME: "Name in the model registry",
  MODEL_VERSION: "Version in the model registry",
  MODEL_DIRECTORY: "Directory of the model on the workspace",
  MODEL_URI: "Where the model will lie, s3://<bucket>/<prefix> or pvc://<claim>/<directory>",
  UPLOAD_TO_MINIO: "true, or false for a model that stays on the workspace",
  S3_ENDPOINT: "Base URL of the object store",
  S3_BUCKET: "Bucket for models",
  S3_PREFIX: "Prefix of the model in the bucket, ending in a slash",
  MODEL_REGISTRY_URL: "Base URL of the model registry",
  MODEL_REGISTRY_AUTH: "What it asks callers for: none, token or serviceAccount",
} as const;

/** Results of a run. */
export const results = {
  revision: { task: "pull-model-from-huggingface", description: "Commit SHA that was pulled" },
  "manifest-digest": {
    task: "pull-model-from-huggingface",
    description: "SHA-256 of the list of files and their digests",
  },
  "total-bytes": { task: "pull-model-from-huggingface", description: "Size of the model" },
  "registered-model-id": { task: "register-model", description: "Id of the registered model" },
  "model-version-id": { task: "register-model", description: "Id of its version" },
} as const;

export const modelImport: PipelineDefinition = {
  name: "model-import",
  description:
    "Pulls a model from Hugging Face, uploads it to MinIO or leaves it on its volume, and registers it.",
  params,
  workspaces: { [models]: { description: "Volume that the tasks hand the model over on" } },
  tasks: [
    {
      task: "pull-model-from-huggingface",
      same: [
        "HUGGINGFACE_MODEL",
        "HUGGINGFACE_REVISION",
        "HUGGINGFACE_ALLOW_PATTERNS",
        "HF_ENDPOINT",
        "MODEL_DIRECTORY",
      ],
      workspaces: [models],
    },
    {
      task: "upload-to-minio",
      same: ["MODEL_DIRECTORY", "S3_ENDPOINT", "S3_BUCKET", "S3_PREFIX"],
      params: { MANIFEST_DIGEST: resultOf("pull-model-from-huggingface", "manifest-digest") },
      when: runOnly(param("UPLOAD_TO_MINIO")),
      workspaces: [models],
    },
    {
      task: "register-model",
      same: [
        "MODEL_REGISTRY_URL",
        "MODEL_REGISTRY_AUTH",
        "MODEL_NAME",
        "MODEL_VERSION",
        "MODEL_URI",
        "HUGGINGFACE_MODEL",
        "MODEL_DIRECTORY",
      ],
      params: {
        SOURCE_REVISION: resultOf("pull-model-from-huggingface", "revision"),
        MANIFEST_DIGEST: resultOf("pull-model-from-huggingface", "manifest-digest"),
        PIPELINE_RUN_NAME: "$(context.pipelineRun.name)",
        PIPELINE_RUN_UID: "$(context.pipelineRun.uid)",
      },
      // Ordered by runAfter, not by a result: a skipped upload would skip this task too.
      after: ["upload-to-minio"],
      // It records the size of the weights.
      workspaces: [models],
    },
  ],
  results,
};

export interface ModelImport {
  readonly settings: RunSettings;
  readonly model: {
    readonly name: string;
    readonly source: HubSource;
  };
  /** Where the model goes. */
  readonly target: ImportTarget;
}

export type ImportTarget =
  /** The object store, through the claim that all runs share. */
  | { readonly kind: "s3" }
  /** The model's own claim. `placement` is the model's, because a volume is provisioned near the first pod that mounts it. */
  | {
      readonly kind: "pvc";
      readonly claim: string;
      readonly placement: {
        readonly nodeSelector?: Readonly<Record<string, string>>;
        readonly tolerations?: readonly object[];
      };
    };

/** Storage URI of an imported model. It contains the commit, so a new revision never overwrites the served one. */
export function importedUri({ model, target, settings }: ModelImport): string {
  const directory = `${model.name}/${model.source.revision}`;
  return target.kind === "s3"
    ? `s3://${settings.objectStore.bucket}/${directory}/`
    : `pvc://${target.claim}/${directory}`;
}

/** The run that imports one model at one commit. */
export function modelImportRun(spec: ModelImport) {
  const { name, source } = spec.model;
  const { target, settings } = spec;
  const { objectStore, registry } = settings;
  const prefix = `${name}/${source.revision}/`;
  const values: Record<keyof typeof params, string> = {
    HUGGINGFACE_MODEL: source.huggingFace,
    HUGGINGFACE_REVISION: source.revision,
    HUGGINGFACE_ALLOW_PATTERNS: source.allowPatterns.join(" "),
    HF_ENDPOINT: settings.huggingFaceEndpoint,
    MODEL_NAME: name,
    MODEL_VERSION: modelVersion(spec.model),
    // On a volume that models are served from, the served revision must not be overwritten.
    MODEL_DIRECTORY: target.kind === "s3" ? name : `${name}/${source.revision}`,
    MODEL_URI: importedUri(spec),
    UPLOAD_TO_MINIO: String(target.kind === "s3"),
    S3_ENDPOINT: objectStore.endpoint,
    S3_BUCKET: target.kind === "s3" ? objectStore.bucket : "",
    S3_PREFIX: prefix,
    MODEL_REGISTRY_URL: registry.url,
    MODEL_REGISTRY_AUTH: registry.auth,
  };
  return runOf(modelImport, {
    settings,
    params: values,
    ...(target.kind === "pvc" ? { claim: target.claim, placement: target.placement } : {}),
  });
}
