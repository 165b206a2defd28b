/** The pipeline that brings a model from the hub into the object store and the registry, and one run of it. */
import { taskRunSpecs } from "./jobs.ts";
import { names } from "./project.ts";
import { type Platform, restrictedPod } from "./security.ts";
import { goDuration, type Param, type Pipeline, type PipelineRunSpec, type PipelineTask } from "./tekton.ts";

export const pipelineName = "model-import";
/** The Tasks that the pipeline is made of. */
export const importTasks = ["pull-model-from-huggingface", "upload-to-minio", "register-model"] as const;
const workspace = "models";

/** Parameters of the pipeline, in the vocabulary of its tasks. */
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

type ParamName = keyof typeof params;

/** What a run reports. */
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

export type ImportResult = keyof typeof results;

const fromRun = (...names: ParamName[]): Param[] =>
  names.map((name) => ({ name, value: `$(params.${name})` }));
const resultOf = (task: string, result: string) => `$(tasks.${task}.results.${result})`;

/** Each task may take as long as the run, because Tekton's own default of an hour is too short for large models. */
function pipelineTasks(timeoutMinutes: number): PipelineTask[] {
  const timeout = goDuration(timeoutMinutes);
  const task = (name: string, params: Param[], more: Partial<PipelineTask>): PipelineTask => ({
    name,
    taskRef: { kind: "Task", name },
    params,
    timeout,
    ...more,
  });
  const workspaces = [{ name: workspace, workspace }];
  return [
    task(
      "pull-model-from-huggingface",
      fromRun(
        "HUGGINGFACE_MODEL",
        "HUGGINGFACE_REVISION",
        "HUGGINGFACE_ALLOW_PATTERNS",
        "HF_ENDPOINT",
        "MODEL_DIRECTORY",
      ),
      { workspaces },
    ),
    task(
      "upload-to-minio",
      [
        ...fromRun("MODEL_DIRECTORY", "S3_ENDPOINT", "S3_BUCKET", "S3_PREFIX"),
        { name: "MANIFEST_DIGEST", value: resultOf("pull-model-from-huggingface", "manifest-digest") },
      ],
      { workspaces, when: [{ input: "$(params.UPLOAD_TO_MINIO)", operator: "in", values: ["true"] }] },
    ),
    task(
      "register-model",
      [
        ...fromRun(
          "MODEL_REGISTRY_URL",
          "MODEL_REGISTRY_AUTH",
          "MODEL_NAME",
          "MODEL_VERSION",
          "MODEL_URI",
          "HUGGINGFACE_MODEL",
        ),
        { name: "SOURCE_REVISION", value: resultOf("pull-model-from-huggingface", "revision") },
        { name: "MANIFEST_DIGEST", value: resultOf("pull-model-from-huggingface", "manifest-digest") },
        { name: "PIPELINE_RUN_NAME", value: "$(context.pipelineRun.name)" },
        { name: "PIPELINE_RUN_UID", value: "$(context.pipelineRun.uid)" },
      ],
      // Also after an upload that was not wanted; a result of a task that was skipped would skip this one too.
      { runAfter: ["upload-to-minio"] },
    ),
  ];
}

/** The Pipeline. */
export function modelImportPipeline(namespace: string, timeoutMinutes: number): Pipeline {
  return {
    apiVersion: "tekton.dev/v1",
    kind: "Pipeline",
    metadata: { name: pipelineName, namespace },
    spec: {
      description:
        "Pulls a model from Hugging Face, uploads it to MinIO or leaves it on its volume, and registers it.",
      params: Object.entries(params).map(([name, description]) => ({ name, type: "string", description })),
      workspaces: [{ name: workspace, description: "Volume that the tasks hand the model over on" }],
      tasks: pipelineTasks(timeoutMinutes),
      results: Object.entries(results).map(([name, { task, description }]) => ({
        name,
        description,
        value: resultOf(task, name),
      })),
    },
  };
}

export interface ModelImport {
  readonly platform: Platform;
  readonly model: {
    readonly name: string;
    readonly source: {
      readonly huggingFace: string;
      readonly revision: string;
      readonly allowPatterns: readonly string[];
    };
  };
  readonly huggingFaceEndpoint: string;
  readonly s3Endpoint: string;
  readonly registry: { readonly url: string; readonly auth: string };
  /** Where the model goes. */
  readonly target: ImportTarget;
  readonly timeoutMinutes: number;
  /** Secrets of type dockerconfigjson for the tasks' images. Default: none. */
  readonly pullSecrets?: readonly string[] | undefined;
}

export type ImportTarget =
  /** The object store, by way of the claim that all imports share. */
  | { readonly kind: "s3"; readonly bucket: string; readonly claim: string }
  /** A claim of its own. `placement` is the model's: a volume is made near the first pod that mounts it, and stays there. */
  | {
      readonly kind: "pvc";
      readonly claim: string;
      readonly placement: {
        readonly nodeSelector?: Readonly<Record<string, string>>;
        readonly tolerations?: readonly object[];
      };
    };

/** Where an imported model lies: named by its commit, so that a changed model never overwrites the one that is served. */
export function importedUri(model: ModelImport["model"], target: ImportTarget): string {
  const directory = `${model.name}/${model.source.revision}`;
  return target.kind === "s3" ? `s3://${target.bucket}/${directory}/` : `pvc://${target.claim}/${directory}`;
}

/** The run that imports one model at one commit. */
export function modelImportRun(spec: ModelImport): PipelineRunSpec {
  const { name, source } = spec.model;
  const { platform, target, timeoutMinutes, pullSecrets = [] } = spec;
  const prefix = `${name}/${source.revision}/`;
  const values: Record<ParamName, string> = {
    HUGGINGFACE_MODEL: source.huggingFace,
    HUGGINGFACE_REVISION: source.revision,
    HUGGINGFACE_ALLOW_PATTERNS: source.allowPatterns.join(" "),
    HF_ENDPOINT: spec.huggingFaceEndpoint,
    MODEL_NAME: name,
    MODEL_VERSION: source.revision.slice(0, 12),
    // On a volume that is served from, the model that is served now must stay as it is.
    MODEL_DIRECTORY: target.kind === "s3" ? name : `${name}/${source.revision}`,
    MODEL_URI: importedUri(spec.model, target),
    UPLOAD_TO_MINIO: String(target.kind === "s3"),
    S3_ENDPOINT: spec.s3Endpoint,
    S3_BUCKET: target.kind === "s3" ? target.bucket : "",
    S3_PREFIX: prefix,
    MODEL_REGISTRY_URL: spec.registry.url,
    MODEL_REGISTRY_AUTH: spec.registry.auth,
  };
  return {
    pipelineRef: { name: pipelineName },
    params: Object.entries(values).map(([name, value]) => ({ name, value })),
    workspaces: [{ name: workspace, persistentVolumeClaim: { claimName: target.claim } }],
    taskRunTemplate: {
      serviceAccountName: names.pipelineAccount,
      podTemplate: {
        securityContext: restrictedPod(platform),
        ...(target.kind === "pvc" ? target.placement : {}),
        ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets.map((name) => ({ name })) } : {}),
      },
    },
    taskRunSpecs: taskRunSpecs(importTasks),
    timeouts: { pipeline: goDuration(timeoutMinutes) },
  };
}
