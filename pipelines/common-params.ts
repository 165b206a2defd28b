/** Params that several pipelines share, with their descriptions and defaults. */

import { minioUrl } from "../rules/addresses.ts";
import { benchmarkDefaults, profiles } from "../rules/benchmark.ts";
import { minimumScores } from "./run.ts";
import type { EvaluateSpec, TestSpec } from "./specs.ts";

/** Params by which publish-test-results-v2 finds the model in the registry, and the bucket. */
export const recordParams = [
  "MODEL_REGISTRY_URL",
  "MODEL_REGISTRY_AUTH",
  "MODEL_NAME",
  "MODEL_VERSION",
  "S3_ENDPOINT",
  "S3_BUCKET",
];

/** A param with a default. */
export const optional = (description: string, value = "") => ({ description, default: value });

export const hubParam = { HF_ENDPOINT: optional("Base URL of the hub", "https://huggingface.co") };

export const registryAuthParam = {
  MODEL_REGISTRY_AUTH: optional("What it asks callers for: none, token or serviceAccount", "none"),
};

/** The object store and the bucket; the arguments complete their descriptions. */
export const objectStoreParams = (store: string, bucket: string) => ({
  S3_ENDPOINT: optional(`Base URL of the object store that ${store}`, minioUrl("model-storage")),
  S3_BUCKET: optional(bucket, "llm-models"),
});

/** Options of lm-evaluation-harness, except TASKS, whose default differs between the pipelines. */
export const evaluationParams = {
  LIMIT: optional("Questions of each task. Empty asks all"),
  APPLY_CHAT_TEMPLATE: optional("Whether questions go through the chat template (true or false)", "false"),
  MINIMUM_SCORES: optional('Scores below which the run fails ("arc_easy:acc>=0.7")'),
};

/** How GuideLLM loads the model. */
export const benchmarkParams = {
  PROFILE: optional(
    `Loads to measure: ${profiles.join(", ").replace(/, (\w+)$/, " or $1")}`,
    benchmarkDefaults.profile,
  ),
  RATE: optional(
    "Number that the profile takes, such as the loads of a sweep",
    String(benchmarkDefaults.rate),
  ),
  PROMPT_TOKENS: optional("Tokens of each prompt", String(benchmarkDefaults.promptTokens)),
  OUTPUT_TOKENS: optional("Tokens of each answer", String(benchmarkDefaults.outputTokens)),
  MAX_SECONDS: optional("Seconds that each load is measured", String(benchmarkDefaults.maxSeconds)),
};

type Evaluation = Pick<EvaluateSpec, "tasks" | "limit" | "applyChatTemplate" | "minimumScores">;

/** Param values of a run for an evaluation; without one they switch it off. */
export function evaluationValues(evaluate: Evaluation | undefined): Record<string, string> {
  if (!evaluate) return { EVALUATE_MODEL: "false" };
  const { tasks, limit, applyChatTemplate } = evaluate;
  return {
    EVALUATE_MODEL: "true",
    TASKS: tasks.join(","),
    LIMIT: limit === undefined ? "" : String(limit),
    APPLY_CHAT_TEMPLATE: String(applyChatTemplate),
    MINIMUM_SCORES: minimumScores(evaluate.minimumScores),
  };
}

/** Param values of a run for a benchmark; without one they switch it off. */
export function benchmarkValues(benchmark: TestSpec["benchmark"]): Record<string, string> {
  if (!benchmark) return { GUIDELLM_EVALUATE_MODEL: "false" };
  return {
    GUIDELLM_EVALUATE_MODEL: "true",
    PROFILE: benchmark.profile,
    RATE: String(benchmark.rate),
    PROMPT_TOKENS: String(benchmark.promptTokens),
    OUTPUT_TOKENS: String(benchmark.outputTokens),
    MAX_SECONDS: String(benchmark.maxSeconds),
  };
}
