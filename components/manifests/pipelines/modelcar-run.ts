/** Runs of the pipeline modelcar that package one model, and leave its deployment to the program. */
import { modelcar } from "./modelcar.ts";
import { type JobSpec, minimumScores, modelVersion, type RunSettings, runOf } from "./run.ts";

/** How a model is compressed. */
export interface CompressSpec extends JobSpec {
  readonly recipe: string;
  /** Default: the recipe's own. */
  readonly calibrationDataset?: string | undefined;
  readonly calibrationSamples: number;
  readonly maxSequenceLength: number;
}

/** How a model is evaluated before it is packaged. */
export interface EvaluateSpec extends JobSpec {
  readonly tasks: readonly string[];
  /** Questions of each task. Default: all. */
  readonly limit?: number | undefined;
  readonly applyChatTemplate: boolean;
  /** Lowest scores by "<task>:<metric>". */
  readonly minimumScores: Readonly<Record<string, number>>;
  readonly runGeneratedCode: boolean;
}

export interface ModelcarRun extends RunSettings {
  readonly model: {
    readonly name: string;
    readonly source: {
      readonly huggingFace: string;
      readonly revision: string;
      readonly allowPatterns: readonly string[];
    };
    readonly compress?: CompressSpec | undefined;
    readonly evaluate?: EvaluateSpec | undefined;
  };
  /** Repository that the image is pushed to. */
  readonly repository: string;
  readonly baseImage: string;
  /** Host[:port] of the registry that is reached without TLS. Default: none. */
  readonly plainHttpRegistry?: string | undefined;
  /** Secret with the login of that registry. Default: none is needed. */
  readonly registrySecret?: string | undefined;
  readonly huggingFaceEndpoint: string;
  readonly objectStore: { readonly endpoint: string; readonly bucket: string };
  readonly registry: { readonly url: string; readonly auth: string };
  readonly claim: string;
}

/** What a run reports that packages, and by choice compresses and evaluates, but leaves the deployment to others. */
export function modelcarResults({ compress, evaluate }: ModelcarRun["model"]) {
  return [
    "storage-uri",
    "image-digest",
    "registered-model-id",
    "model-version-id",
    ...(compress ? (["bytes-before", "bytes-after"] as const) : []),
    ...(evaluate ? (["scores"] as const) : []),
  ] as const;
}

/** The run that packages one model at one commit. */
export function modelcarRun(spec: ModelcarRun) {
  const { model, repository, registry, objectStore } = spec;
  const { name, source, compress, evaluate } = model;
  return runOf(modelcar, {
    ...spec,
    params: {
      HUGGINGFACE_MODEL: source.huggingFace,
      HUGGINGFACE_REVISION: source.revision,
      HUGGINGFACE_ALLOW_PATTERNS: source.allowPatterns.join(" "),
      HF_ENDPOINT: spec.huggingFaceEndpoint,
      // Without a tag: the task gives it one of its digest.
      OCI_IMAGE: repository,
      BASE_IMAGE: spec.baseImage,
      PLAIN_HTTP_REGISTRIES: spec.plainHttpRegistry ?? "",
      COMPRESS_MODEL: String(compress !== undefined),
      ...(compress
        ? {
            RECIPE: compress.recipe,
            CALIBRATION_DATASET: compress.calibrationDataset ?? "",
            CALIBRATION_SAMPLES: String(compress.calibrationSamples),
            MAX_SEQUENCE_LENGTH: String(compress.maxSequenceLength),
          }
        : {}),
      EVALUATE_MODEL: String(evaluate !== undefined),
      ...(evaluate
        ? {
            TASKS: evaluate.tasks.join(","),
            LIMIT: evaluate.limit === undefined ? "" : String(evaluate.limit),
            APPLY_CHAT_TEMPLATE: String(evaluate.applyChatTemplate),
            MINIMUM_SCORES: minimumScores(evaluate.minimumScores),
            RUN_GENERATED_CODE: String(evaluate.runGeneratedCode),
          }
        : {}),
      MODEL_NAME: name,
      MODEL_VERSION: modelVersion(model),
      MODEL_REGISTRY_URL: registry.url,
      MODEL_REGISTRY_AUTH: registry.auth,
      S3_ENDPOINT: objectStore.endpoint,
      S3_BUCKET: objectStore.bucket,
      // What a run before this one left half done is gone on with.
      SKIP_TASKS: "cleanup-workspace",
    },
    secretWorkspaces: spec.registrySecret ? { "registry-auth": spec.registrySecret } : {},
    jobs: { "compress-model": compress, "evaluate-model": evaluate },
  });
}
