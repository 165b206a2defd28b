/** Runs of the pipeline modelcar that package one model and leave its deployment to the program. */

import { evaluationValues } from "./common-params.ts";
import { modelcar } from "./modelcar.ts";
import { modelVersion, runOf } from "./run.ts";
import type { RunSettings } from "./run-settings.ts";
import type { CompressSpec, EvaluateSpec, HubSource } from "./specs.ts";

export interface ModelcarRun {
  readonly settings: RunSettings;
  readonly model: {
    readonly name: string;
    readonly source: HubSource;
    readonly compress?: CompressSpec | undefined;
    readonly evaluate?: EvaluateSpec | undefined;
  };
  /** Repository that the image is pushed to. */
  readonly repository: string;
  readonly baseImage: string;
}

/** Results of a run that packages a model, with those of compression and evaluation if configured. */
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
  const { model, repository, settings } = spec;
  const { registry, objectStore, imageRegistry } = settings;
  const { name, source, compress, evaluate } = model;
  return runOf(modelcar, {
    settings,
    params: {
      HUGGINGFACE_MODEL: source.huggingFace,
      HUGGINGFACE_REVISION: source.revision,
      HUGGINGFACE_ALLOW_PATTERNS: source.allowPatterns.join(" "),
      HF_ENDPOINT: settings.huggingFaceEndpoint,
      // Without a tag: the task derives one from the digest.
      OCI_IMAGE: repository,
      BASE_IMAGE: spec.baseImage,
      PLAIN_HTTP_REGISTRIES: imageRegistry.withoutTls ?? "",
      COMPRESS_MODEL: String(compress !== undefined),
      ...(compress
        ? {
            RECIPE: compress.recipe,
            CALIBRATION_DATASET: compress.calibrationDataset ?? "",
            CALIBRATION_SAMPLES: String(compress.calibrationSamples),
            MAX_SEQUENCE_LENGTH: String(compress.maxSequenceLength),
          }
        : {}),
      ...evaluationValues(evaluate),
      ...(evaluate ? { RUN_GENERATED_CODE: String(evaluate.runGeneratedCode) } : {}),
      MODEL_NAME: name,
      MODEL_VERSION: modelVersion(model),
      MODEL_REGISTRY_URL: registry.url,
      MODEL_REGISTRY_AUTH: registry.auth,
      S3_ENDPOINT: objectStore.endpoint,
      S3_BUCKET: objectStore.bucket,
      // Resume what an earlier run left unfinished.
      SKIP_TASKS: "cleanup-workspace",
    },
    secretWorkspaces: imageRegistry.secret ? { "registry-auth": imageRegistry.secret } : {},
    jobs: { "compress-model": compress, "evaluate-model": evaluate },
  });
}
