/** The pipelines that measure a model's quality and speed, and publish the results. */

import {
  benchmarkParams,
  evaluationParams,
  hubParam,
  objectStoreParams,
  recordParams,
  registryAuthParam,
} from "./common-params.ts";
import {
  models,
  type PipelineDefinition,
  type PipelineTaskDefinition,
  param,
  resultOf,
} from "./definition.ts";
import type { WhenExpression } from "./tekton.ts";

const run = {
  PIPELINE_RUN_NAME: "$(context.pipelineRun.name)",
  PIPELINE_RUN_UID: "$(context.pipelineRun.uid)",
};
const directory = (name: string) => `${param("WORKSPACE_DIRECTORY")}/${name}`;
/** Any value but "false" runs the test, so that a typo never skips it. */
const unlessFalse = (name: string): readonly WhenExpression[] => [
  { input: param(name), operator: "notin", values: ["false"] },
];

/** Params of both pipelines. */
const params = {
  HUGGINGFACE_MODEL: "Repository on the hub whose tokenizer the model has, <owner>/<name>",
  HUGGINGFACE_REVISION: "Commit SHA of that repository",
  TOKENIZER_PATTERNS: {
    description: "Patterns of the tokenizer's files, separated by spaces",
    default: "*.json *.model *.jinja *.txt",
  },
  ...hubParam,
  SERVED_MODEL_NAME: "Name under which the endpoint serves the model",
  MODEL_NAME: "Name in the model registry",
  MODEL_VERSION: "Version in the model registry, which exists",
  WORKSPACE_DIRECTORY: "Directory of the workspace for tokenizer and reports",
  EVALUATE_MODEL: { description: "false leaves the evaluation out", default: "true" },
  TASKS: { description: "Tasks of the evaluation, separated by commas", default: "hellaswag,arc_easy" },
  ...evaluationParams,
  GUIDELLM_EVALUATE_MODEL: { description: "false leaves the benchmark out", default: "true" },
  ...benchmarkParams,
  MODEL_REGISTRY_URL: "Base URL of the model registry",
  ...registryAuthParam,
  ...objectStoreParams("the reports go to", "Bucket for the reports"),
} as const;

const endpointParams = {
  ENDPOINT_URL: "URL of the served model inside the cluster, without /v1",
  ENDPOINT_AUTH: {
    description:
      "What the endpoint asks its callers for: none, token (key api-key of ENDPOINT_SECRET) or serviceAccount",
    default: "none",
  },
  ENDPOINT_SECRET: { description: "Secret with the endpoint's key", default: "model-api-key" },
} as const;

const candidateParams = {
  INFERENCE_SERVICE: "The InferenceService as JSON, called SERVED_MODEL_NAME",
  TIMEOUT_SECONDS: { description: "Seconds until it must answer", default: "3600" },
} as const;

const workspaces = {
  [models]: { description: "Volume for tokenizer and reports" },
  "trusted-ca": {
    description: "ConfigMap with certificates of private authorities to trust",
    optional: true,
  },
};

const pull: PipelineTaskDefinition = {
  task: "pull-model-from-huggingface",
  same: ["HUGGINGFACE_MODEL", "HUGGINGFACE_REVISION", "HF_ENDPOINT"],
  params: {
    HUGGINGFACE_ALLOW_PATTERNS: param("TOKENIZER_PATTERNS"),
    MODEL_DIRECTORY: directory("tokenizer"),
  },
  workspaces: [models],
};

/** The tasks that measure an endpoint, which is ready after the task `first`. */
function measuring(first: string, endpoint: Readonly<Record<string, string>>): PipelineTaskDefinition[] {
  return [
    {
      task: "run-lm-eval-v2",
      same: ["TASKS", "LIMIT", "APPLY_CHAT_TEMPLATE", "MINIMUM_SCORES", "HF_ENDPOINT"],
      params: {
        ...endpoint,
        MODEL_NAME: param("SERVED_MODEL_NAME"),
        TOKENIZER: directory("tokenizer"),
        RESULTS_DIRECTORY: directory("evaluation"),
        ...run,
      },
      after: [first],
      when: unlessFalse("EVALUATE_MODEL"),
      workspaces: [models, "trusted-ca"],
    },
    {
      task: "run-guidellm-v2",
      same: ["PROFILE", "RATE", "PROMPT_TOKENS", "OUTPUT_TOKENS", "MAX_SECONDS"],
      params: {
        ...endpoint,
        MODEL_NAME: param("SERVED_MODEL_NAME"),
        MODEL_DIRECTORY: directory("tokenizer"),
        RESULTS_DIRECTORY: directory("benchmark"),
        ...run,
      },
      // After the evaluation, whose requests would distort the benchmark.
      after: ["run-lm-eval-v2"],
      when: unlessFalse("GUIDELLM_EVALUATE_MODEL"),
      workspaces: [models, "trusted-ca"],
    },
    {
      task: "publish-test-results-v2",
      same: recordParams,
      params: {
        ENDPOINT_URL: endpoint.ENDPOINT_URL ?? "",
        EVALUATION_DIRECTORY: directory("evaluation"),
        REQUIRE_EVALUATION: param("EVALUATE_MODEL"),
        BENCHMARK_DIRECTORY: directory("benchmark"),
        REQUIRE_BENCHMARK: param("GUIDELLM_EVALUATE_MODEL"),
        S3_PREFIX: `test-results/${param("MODEL_NAME")}/`,
        ...run,
      },
      after: ["run-guidellm-v2"],
      workspaces: [models, "trusted-ca"],
    },
  ];
}

const cleanup: PipelineTaskDefinition = {
  task: "cleanup-workspace",
  params: { DIRECTORIES: param("WORKSPACE_DIRECTORY") },
  // After a failure the reports are kept for inspection.
  when: [{ input: "$(tasks.status)", operator: "in", values: ["Succeeded", "Completed"] }],
  workspaces: [models],
};

const results: PipelineDefinition["results"] = {
  scores: { task: "run-lm-eval-v2", description: "Scores of the evaluation as JSON" },
  "ttft-ms-p95": {
    task: "run-guidellm-v2",
    description: "Time to first token, 95th percentile, in milliseconds",
  },
  "itl-ms-p95": {
    task: "run-guidellm-v2",
    description: "Time between tokens, 95th percentile, in milliseconds",
  },
  "output-tokens-per-second": {
    task: "run-guidellm-v2",
    description: "Highest throughput that was measured",
  },
  "requests-per-second": { task: "run-guidellm-v2", description: "Requests per second at that throughput" },
  "error-rate": { task: "run-guidellm-v2", description: "Share of failed requests, 0 to 1" },
  "artifacts-uri": {
    task: "publish-test-results-v2",
    description: "Where the reports lie in the object store",
  },
  "model-version-id": {
    task: "publish-test-results-v2",
    description: "Id of the model's version in the registry",
  },
};

export const modelTesting: PipelineDefinition = {
  name: "model-testing-v2",
  description:
    "Tests a served model: evaluates it with lm-evaluation-harness, measures its speed with GuideLLM, and publishes both in the " +
    "model registry and in the object store.",
  params: { ...endpointParams, ...params },
  workspaces,
  tasks: [
    pull,
    ...measuring(
      pull.task,
      Object.fromEntries(Object.keys(endpointParams).map((name) => [name, param(name)])),
    ),
  ],
  finally: [cleanup],
  results,
};

const deploy = "deploy-candidate";

export const candidateTesting: PipelineDefinition = {
  name: "candidate-testing",
  description:
    "Tests a model before it is served: runs it as a service of its own, tests that as model-testing-v2 does, and removes it, " +
    "whatever happened before.",
  params: { ...candidateParams, ...params },
  workspaces,
  tasks: [
    pull,
    {
      task: "deploy-model",
      name: deploy,
      same: ["INFERENCE_SERVICE", "TIMEOUT_SECONDS"],
      params: {
        MODEL_NAME: param("SERVED_MODEL_NAME"),
        SERVICE_URL_FILE: "",
        OWNER_NAME: run.PIPELINE_RUN_NAME,
        OWNER_UID: run.PIPELINE_RUN_UID,
      },
      // Take no GPU if the tokenizer cannot be downloaded.
      after: [pull.task],
      workspaces: [models, "trusted-ca"],
    },
    ...measuring(deploy, { ENDPOINT_URL: resultOf(deploy, "service-url") }),
  ],
  finally: [
    {
      task: "remove-model",
      params: { MODEL_NAME: param("SERVED_MODEL_NAME"), OWNER_UID: run.PIPELINE_RUN_UID },
    },
    cleanup,
  ],
  results,
};
