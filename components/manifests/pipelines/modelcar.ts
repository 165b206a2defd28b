/** The pipeline that makes a ModelCar, an OCI image with the model in it, and by choice everything after that. */
import type { WhenExpression } from "../tekton.ts";
import { models, type PipelineDefinition, param, resultOf, runOnly } from "./definition.ts";
import { type JobSpec, minimumScores, modelVersion, type RunSettings, runOf } from "./run.ts";

const checked = (result: string) => resultOf("check-parameters", result);
/** Every step but the first runs if the first one says so. */
const whenChosen = (step: string) => runOnly(checked(step));
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

const params = {
  HUGGINGFACE_MODEL: { description: "Repository on the hub, <owner>/<name>", default: "" },
  HUGGINGFACE_REVISION: { description: "Commit SHA to pull", default: "" },
  HUGGINGFACE_ALLOW_PATTERNS: {
    description:
      'Patterns of the files to pull, separated by spaces ("*.safetensors *.json"). Empty pulls all',
    default: "",
  },
  HF_ENDPOINT: { description: "Base URL of the hub", default: "https://huggingface.co" },
  OCI_IMAGE: "Image to push or to deploy, <registry>/<repository>[:<tag>]",
  BASE_IMAGE: { description: "Image below the model, by digest", default: "" },
  PLAIN_HTTP_REGISTRIES: {
    description: "Registries without TLS, <host>[:<port>] separated by spaces",
    default: "",
  },
  COMPRESS_MODEL: { description: "Whether the model is quantized first (true or false)", default: "false" },
  RECIPE: {
    description: 'Recipe of the compression: "general", "code", or a .yaml file of the workspace',
    default: "general",
  },
  CALIBRATION_DATASET: {
    description:
      "Calibration data instead of the recipe's: <organisation>/<name>@<commit>, or a file of the workspace",
    default: "",
  },
  CALIBRATION_SAMPLES: { description: "Rows to calibrate on", default: "512" },
  MAX_SEQUENCE_LENGTH: { description: "Tokens of each row that are used", default: "2048" },
  EVALUATE_MODEL: {
    description:
      "Whether the model is evaluated before it is packaged; if that fails, nothing is pushed (true or false)",
    default: "false",
  },
  TASKS: { description: "Tasks of the evaluation, separated by commas", default: "humaneval,mbpp" },
  LIMIT: { description: "Questions of each task. Empty asks all", default: "" },
  APPLY_CHAT_TEMPLATE: {
    description: "Whether questions go through the chat template (true or false)",
    default: "false",
  },
  MINIMUM_SCORES: { description: 'Scores below which the run fails ("arc_easy:acc>=0.7")', default: "" },
  RUN_GENERATED_CODE: {
    description: "Whether tasks may run what the model wrote (true or false)",
    default: "false",
  },
  MODEL_NAME: "Name in the model registry; the InferenceService is called like it",
  MODEL_VERSION: { description: "Version in the model registry", default: "1.0.0" },
  SKIP_TASKS: { description: "Tasks to skip, separated by commas; an unknown name is an error", default: "" },
  MODEL_REGISTRY_URL: { description: "Base URL of the model registry", default: "" },
  MODEL_REGISTRY_AUTH: {
    description: "What it asks callers for: none, token or serviceAccount",
    default: "none",
  },
  DEPLOY_MODEL: { description: "Whether the run deploys the model itself (true or false)", default: "false" },
  RUNTIME_IMAGE: {
    description: "Image of vLLM by digest, for a ServingRuntime of the model's own",
    default: "",
  },
  SERVING_RUNTIME: {
    description: "ServingRuntime that serves the model. Empty makes one of RUNTIME_IMAGE",
    default: "",
  },
  PLATFORM: { description: "openshift or kubernetes", default: "openshift" },
  DEPLOYMENT_MODE: {
    description: "KServe's name for a Deployment: Standard or RawDeployment",
    default: "Standard",
  },
  GPUS: { description: "GPUs of the deployed model", default: "1" },
  GPU_PRODUCT: { description: "Label nvidia.com/gpu.product of its nodes. Empty takes any", default: "" },
  CPU: { description: "CPU of the deployed model", default: "6" },
  MEMORY: { description: "Memory of the deployed model", default: "16Gi" },
  MAX_MODEL_LEN: { description: "Tokens of a prompt and its answer together", default: "8192" },
  VLLM_ARGS: { description: "Further arguments of vLLM, quoted as for a shell", default: "" },
  MODEL_SERVICE_ACCOUNT: {
    description: "Service account of the model's pods. Empty takes the namespace's",
    default: "",
  },
  PULL_SECRET: { description: "Secret with the login for the images of model and vLLM", default: "" },
  GUIDELLM_EVALUATE_MODEL: {
    description: "Whether the deployed model's speed is measured (true or false)",
    default: "false",
  },
  PROFILE: {
    description: "Loads to measure: sweep, synchronous, throughput, concurrent, constant or poisson",
    default: "sweep",
  },
  RATE: { description: "Number that the profile takes, such as the loads of a sweep", default: "10" },
  PROMPT_TOKENS: { description: "Tokens of each prompt", default: "256" },
  OUTPUT_TOKENS: { description: "Tokens of each answer", default: "128" },
  MAX_SECONDS: { description: "Seconds that each load is measured", default: "180" },
  ANYTHINGLLM_IMAGE: { description: "Image of AnythingLLM by digest. Empty deploys no chat UI", default: "" },
  S3_ENDPOINT: {
    description: "Base URL of the object store that test results go to",
    default: "http://minio.model-storage.svc.cluster.local:9000",
  },
  S3_BUCKET: { description: "Bucket for test results", default: "llm-models" },
  CLEANUP_AFTER: {
    description:
      "When the run removes the model's files from the workspace at its end: success, always or never",
    default: "success",
  },
} as const;

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
  steps: [
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
      // In the pod itself, so that a model that is not good enough gets no further.
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
      // Without a build it looks up the image that is there, so that what follows always knows its digest.
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
      same: [
        "MODEL_REGISTRY_URL",
        "MODEL_REGISTRY_AUTH",
        "MODEL_NAME",
        "MODEL_VERSION",
        "S3_ENDPOINT",
        "S3_BUCKET",
      ],
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
      // The measurements stay for whoever looks for them there.
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
      step: "build-and-push-modelcar",
      description: "Where the model lies: oci://<repository>@<digest>",
    },
    "image-digest": { step: "build-and-push-modelcar", description: "Digest of the image" },
    "bytes-before": { step: "compress-model", description: "Size of the weights before compression" },
    "bytes-after": { step: "compress-model", description: "Size of the weights after compression" },
    scores: { step: "evaluate-model", description: "Scores of the evaluation as JSON" },
    "registered-model-id": { step: "register-with-registry", description: "Id of the registered model" },
    "model-version-id": { step: "register-with-registry", description: "Id of its version" },
    "service-url": { step: "deploy-model", description: "URL of the deployed model inside the cluster" },
    "output-tokens-per-second": { step: "run-guidellm", description: "Highest throughput that was measured" },
    "chat-url": { step: "deploy-anythingllm", result: "url", description: "URL of the chat UI" },
  },
};

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
  readonly plainHttp: boolean;
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
      PLAIN_HTTP_REGISTRIES: spec.plainHttp ? (repository.split("/")[0] ?? "") : "",
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
