/** The params of the pipeline modelcar, with the names that its users know. */
import {
  benchmarkParams,
  evaluationParams,
  hubParam,
  objectStoreParams,
  registryAuthParam,
} from "./common-params.ts";

export const params = {
  HUGGINGFACE_MODEL: { description: "Repository on the hub, <owner>/<name>", default: "" },
  HUGGINGFACE_REVISION: { description: "Commit SHA to pull", default: "" },
  HUGGINGFACE_ALLOW_PATTERNS: {
    description:
      'Patterns of the files to pull, separated by spaces ("*.safetensors *.json"). Empty pulls all',
    default: "",
  },
  ...hubParam,
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
  ...evaluationParams,
  RUN_GENERATED_CODE: {
    description: "Whether tasks may run what the model wrote (true or false)",
    default: "false",
  },
  MODEL_NAME: "Name in the model registry; the InferenceService is called like it",
  MODEL_VERSION: { description: "Version in the model registry", default: "1.0.0" },
  SKIP_TASKS: { description: "Tasks to skip, separated by commas; an unknown name is an error", default: "" },
  MODEL_REGISTRY_URL: { description: "Base URL of the model registry", default: "" },
  ...registryAuthParam,
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
  ...benchmarkParams,
  ANYTHINGLLM_IMAGE: { description: "Image of AnythingLLM by digest. Empty deploys no chat UI", default: "" },
  ...objectStoreParams("test results go to", "Bucket for test results"),
  CLEANUP_AFTER: {
    description:
      "When the run removes the model's files from the workspace at its end: success, always or never",
    default: "success",
  },
} as const;
