/** The pipeline that builds a ModelCar, an OCI image with the model in it, and optionally deploys and tests it. */

import { recordParams } from "./common-params.ts";
import { models, type PipelineDefinition, param, resultOf, runOnly } from "./definition.ts";
import { params } from "./modelcar-params.ts";
import type { WhenExpression } from "./tekton.ts";

const checked = (result: string) => resultOf("check-parameters", result);
/** The first task decides which other tasks run. */
const whenChosen = (task: string) => runOnly(checked(task));
const directories = {
  model: checked("model-directory"),
  compressed: checked("compressed-directory"),
  packaged: checked("package-directory"),
  evaluation: checked("evaluation-directory"),
  benchmark: checked("benchmark-directory"),
};
const run = {
  PIPELINE_RUN_NAME: "$(context.pipelineRun.name)",
  PIPELINE_RUN_UID: "$(context.pipelineRun.uid)",
};

const whenEnded = (...states: string[]): readonly WhenExpression[] => [
  { input: `${param("CLEANUP_AFTER")}-$(tasks.status)`, operator: "in", values: states },
];

export const modelcar: PipelineDefinition = {
  name: "modelcar",
  description:
    "Pulls a model from Hugging Face, compresses and evaluates it by choice, packs it into an image (ModelCar), registers it, " +
    "and by choice deploys it with a chat UI and measures its speed.",
  params,
  workspaces: {
    [models]: { description: "Volume that the tasks hand the model over on" },
    "registry-auth": {
      description: "Login of the image registry (a dockerconfigjson Secret)",
      optional: true,
    },
    "trusted-ca": {
      description: "ConfigMap with certificates of private authorities to trust",
      optional: true,
    },
  },
  tasks: [
    {
      task: "check-parameters",
      same: [
        "HUGGINGFACE_MODEL",
        "HUGGINGFACE_REVISION",
        "HF_ENDPOINT",
        "OCI_IMAGE",
        "BASE_IMAGE",
        "COMPRESS_MODEL",
        "RECIPE",
        "CALIBRATION_DATASET",
        "CALIBRATION_SAMPLES",
        "MAX_SEQUENCE_LENGTH",
        "EVALUATE_MODEL",
        "TASKS",
        "LIMIT",
        "MINIMUM_SCORES",
        "RUN_GENERATED_CODE",
        "MODEL_NAME",
        "MODEL_VERSION",
        "MODEL_REGISTRY_URL",
        "MODEL_REGISTRY_AUTH",
        "DEPLOY_MODEL",
        "SERVING_RUNTIME",
        "RUNTIME_IMAGE",
        "GPUS",
        "MAX_MODEL_LEN",
        "VLLM_ARGS",
        "ANYTHINGLLM_IMAGE",
        "GUIDELLM_EVALUATE_MODEL",
        "PROFILE",
        "RATE",
        "PROMPT_TOKENS",
        "OUTPUT_TOKENS",
        "MAX_SECONDS",
        "S3_ENDPOINT",
        "S3_BUCKET",
        "CLEANUP_AFTER",
        "SKIP_TASKS",
      ],
    },
    {
      task: "cleanup-workspace",
      params: {
        DIRECTORIES: [
          directories.model,
          directories.compressed,
          directories.evaluation,
          directories.benchmark,
          checked("service-url-file"),
        ].join(" "),
      },
      when: whenChosen("cleanup-workspace"),
      workspaces: [models],
    },
    {
      task: "pull-model-from-huggingface",
      same: ["HUGGINGFACE_MODEL", "HUGGINGFACE_REVISION", "HUGGINGFACE_ALLOW_PATTERNS", "HF_ENDPOINT"],
      params: { MODEL_DIRECTORY: directories.model },
      after: ["cleanup-workspace"],
      when: whenChosen("pull-model-from-huggingface"),
      workspaces: [models],
    },
    {
      task: "compress-model",
      same: ["RECIPE", "CALIBRATION_DATASET", "CALIBRATION_SAMPLES", "MAX_SEQUENCE_LENGTH", "HF_ENDPOINT"],
      params: { MODEL_DIRECTORY: directories.model, COMPRESSED_DIRECTORY: directories.compressed },
      after: ["pull-model-from-huggingface"],
      when: whenChosen("compress-model"),
      workspaces: [models, "trusted-ca"],
    },
    {
      task: "fetch-evaluation-data",
      same: ["TASKS", "HF_ENDPOINT"],
      after: ["compress-model"],
      when: whenChosen("evaluate-model"),
      workspaces: [models, "trusted-ca"],
    },
    {
      task: "evaluate-model",
      same: ["TASKS", "LIMIT", "APPLY_CHAT_TEMPLATE", "MINIMUM_SCORES", "RUN_GENERATED_CODE"],
      // In the pod itself, before the model is packaged, so that a model that fails goes no further.
      params: {
        BACKEND: "hf",
        MODEL_DIRECTORY: directories.packaged,
        RESULTS_DIRECTORY: directories.evaluation,
        ...run,
      },
      after: ["fetch-evaluation-data"],
      when: whenChosen("evaluate-model"),
      workspaces: [models],
    },
    {
      task: "build-and-push-modelcar",
      same: ["OCI_IMAGE", "BASE_IMAGE", "MODEL_NAME", "HUGGINGFACE_MODEL", "PLAIN_HTTP_REGISTRIES"],
      params: {
        MODEL_DIRECTORY: directories.packaged,
        SOURCE_REVISION: param("HUGGINGFACE_REVISION"),
        BUILD: checked("build"),
      },
      after: ["evaluate-model"],
      // Without a build it looks up the existing image, so that later tasks always know its digest.
      when: whenChosen("need-image"),
      workspaces: [models, "registry-auth", "trusted-ca"],
    },
    {
      task: "register-model",
      name: "register-with-registry",
      same: ["MODEL_REGISTRY_URL", "MODEL_REGISTRY_AUTH", "MODEL_NAME", "MODEL_VERSION", "HUGGINGFACE_MODEL"],
      params: {
        MODEL_URI: resultOf("build-and-push-modelcar", "storage-uri"),
        MANIFEST_DIGEST: resultOf("build-and-push-modelcar", "manifest-digest"),
        IMAGE_DIGEST: resultOf("build-and-push-modelcar", "image-digest"),
        SOURCE_REVISION: param("HUGGINGFACE_REVISION"),
        MODEL_DIRECTORY: directories.packaged,
        ...run,
      },
      when: whenChosen("register-with-registry"),
      workspaces: [models],
    },
    {
      task: "deploy-model",
      same: [
        "MODEL_NAME",
        "RUNTIME_IMAGE",
        "SERVING_RUNTIME",
        "PLATFORM",
        "DEPLOYMENT_MODE",
        "GPUS",
        "GPU_PRODUCT",
        "CPU",
        "MEMORY",
        "MAX_MODEL_LEN",
        "VLLM_ARGS",
        "MODEL_SERVICE_ACCOUNT",
        "PULL_SECRET",
      ],
      params: {
        STORAGE_URI: resultOf("build-and-push-modelcar", "storage-uri"),
        SERVICE_URL_FILE: checked("service-url-file"),
      },
      after: ["register-with-registry"],
      when: whenChosen("deploy-model"),
      workspaces: [models, "trusted-ca"],
    },
    {
      task: "run-guidellm",
      same: ["PROFILE", "RATE", "PROMPT_TOKENS", "OUTPUT_TOKENS", "MAX_SECONDS"],
      params: {
        ENDPOINT_URL_FILE: checked("service-url-file"),
        MODEL_NAME: checked("inference-service"),
        MODEL_DIRECTORY: directories.packaged,
        RESULTS_DIRECTORY: directories.benchmark,
        ...run,
      },
      after: ["deploy-model"],
      when: whenChosen("run-guidellm"),
      workspaces: [models, "trusted-ca"],
    },
    {
      task: "deploy-anythingllm",
      same: ["ANYTHINGLLM_IMAGE", "MAX_MODEL_LEN", "PLATFORM", "PULL_SECRET"],
      params: { SERVICE_URL_FILE: checked("service-url-file"), MODEL_NAME: checked("inference-service") },
      after: ["deploy-model"],
      when: whenChosen("deploy-anythingllm"),
      workspaces: [models],
    },
    {
      task: "publish-test-results-v2",
      same: recordParams,
      params: {
        EVALUATION_DIRECTORY: directories.evaluation,
        REQUIRE_EVALUATION: checked("evaluate-model"),
        BENCHMARK_DIRECTORY: directories.benchmark,
        REQUIRE_BENCHMARK: checked("run-guidellm"),
        S3_PREFIX: `test-results/${param("MODEL_NAME")}/`,
        ...run,
      },
      after: ["register-with-registry", "run-guidellm"],
      when: whenChosen("publish-test-results-v2"),
      workspaces: [models, "trusted-ca"],
    },
  ],
  finally: [
    {
      task: "cleanup-workspace",
      name: "cleanup-at-the-end",
      // The measurements are kept.
      params: { DIRECTORIES: `${directories.model} ${directories.compressed}` },
      when: whenEnded(
        "success-Succeeded",
        "success-Completed",
        "always-Succeeded",
        "always-Completed",
        "always-Failed",
        "always-None",
      ),
      workspaces: [models],
    },
  ],
  results: {
    "storage-uri": {
      task: "build-and-push-modelcar",
      description: "Where the model lies: oci://<repository>@<digest>",
    },
    "image-digest": { task: "build-and-push-modelcar", description: "Digest of the image" },
    "bytes-before": { task: "compress-model", description: "Size of the weights before compression" },
    "bytes-after": { task: "compress-model", description: "Size of the weights after compression" },
    scores: { task: "evaluate-model", description: "Scores of the evaluation as JSON" },
    "registered-model-id": { task: "register-with-registry", description: "Id of the registered model" },
    "model-version-id": { task: "register-with-registry", description: "Id of its version" },
    "service-url": { task: "deploy-model", description: "URL of the deployed model inside the cluster" },
    "output-tokens-per-second": { task: "run-guidellm", description: "Highest throughput that was measured" },
    "chat-url": { task: "deploy-anythingllm", result: "url", description: "URL of the chat UI" },
  },
};
