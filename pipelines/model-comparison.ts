/** The pipeline that compares a model with its base, checks its gates and writes the report, and its runs. */

import { objectStoreParams, optional, registryAuthParam } from "./common-params.ts";
import type { PipelineDefinition } from "./definition.ts";
import { modelVersion, runOf } from "./run.ts";
import type { RunSettings } from "./run-settings.ts";

const params = {
  MODEL_NAME: "Name in the model registry",
  MODEL_VERSION: "Version in the model registry, which exists",
  ARTIFACTS_URI: "Where its test results lie, as publish-test-results-v2 says it",
  SERVED_FROM: optional("Storage URI of the model, for the report"),
  HARDWARE: optional("What it was measured on, for the report"),
  HOURLY_USD: optional("What one copy of it costs per hour in US dollars. Empty if unknown"),
  BASE_MODEL_NAME: optional("The model that it is compared with. Empty for none"),
  BASE_MODEL_VERSION: optional("Version of the base in the model registry"),
  BASE_ARTIFACTS_URI: optional("Where the base's test results lie"),
  BASE_SERVED_FROM: optional("Storage URI of the base"),
  BASE_HARDWARE: optional("What the base was measured on"),
  BASE_HOURLY_USD: optional("What one copy of the base costs per hour"),
  GATES: optional('What must hold, such as "recovery>=0.97 ttft-ms-p95<=500". Empty judges nothing'),
  MODEL_REGISTRY_URL: "Base URL of the model registry",
  ...registryAuthParam,
  ...objectStoreParams("holds the results and gets the report", "Bucket of both"),
} as const;

const task = "compare-models";
const result = (description: string) => ({ task, description });
/** Results of a run. */
const results = {
  passed: result("true: every gate held. A run whose gate does not hold fails"),
  "report-uri": result("Where the report lies in the object store"),
  recovery: result("Share of the base's score by task, as JSON"),
  "recovery-stderr": result("Standard errors of these shares, as JSON"),
  "weights-bytes": result("Size of the weights"),
  "base-weights-bytes": result("Size of the base's weights"),
  "throughput-ratio": result("Highest throughput by that of the base"),
  "usd-per-million-output-tokens": result("Dollars for a million output tokens at the highest throughput"),
} as const;

export const modelComparison: PipelineDefinition = {
  name: "model-comparison",
  description:
    "Compares a model with its base by their test results, judges its gates, and makes the report: kept in the object store, linked " +
    "from the model registry.",
  params,
  workspaces: {
    "trusted-ca": {
      description: "ConfigMap with certificates of private authorities to trust",
      optional: true,
    },
  },
  tasks: [
    {
      task,
      same: Object.keys(params),
      params: {
        PIPELINE_RUN_NAME: "$(context.pipelineRun.name)",
        PIPELINE_RUN_UID: "$(context.pipelineRun.uid)",
      },
      workspaces: ["trusted-ca"],
    },
  ],
  results,
};

/** Conditions that must hold before a model is served. */
export interface Gates {
  readonly evaluate?:
    | {
        readonly gate?:
          | {
              /** Least share of the base's score in every task. */
              readonly recovery?: number | undefined;
              /** The same for single tasks. */
              readonly recoveryByTask: Readonly<Record<string, number>>;
            }
          | undefined;
      }
    | undefined;
  readonly benchmark?:
    | {
        readonly gate?:
          | {
              readonly ttftMsP95?: number | undefined;
              readonly itlMsP95?: number | undefined;
              readonly errorRate?: number | undefined;
              readonly outputTokensPerSecond?: number | undefined;
            }
          | undefined;
      }
    | undefined;
}

/** The gates in the syntax of compare-models. */
export function gateConditions({ evaluate, benchmark }: Gates): string {
  const { recovery, recoveryByTask = {} } = evaluate?.gate ?? {};
  const { ttftMsP95, itlMsP95, errorRate, outputTokensPerSecond } = benchmark?.gate ?? {};
  const conditions: [string, number | undefined][] = [
    ["recovery>=", recovery],
    ...Object.entries(recoveryByTask).map(([task, share]): [string, number] => [`recovery:${task}>=`, share]),
    ["ttft-ms-p95<=", ttftMsP95],
    ["itl-ms-p95<=", itlMsP95],
    ["error-rate<=", errorRate],
    ["output-tokens-per-second>=", outputTokensPerSecond],
  ];
  return conditions.flatMap(([start, limit]) => (limit === undefined ? [] : [`${start}${limit}`])).join(" ");
}

/** One side of a comparison. `Text` is the type of values that other resources provide, such as an Output. */
export interface ComparedModel<Text = string> {
  readonly name: string;
  readonly source: { readonly revision: string };
  readonly compress?: { readonly recipe: string } | undefined;
  readonly artifactsUri: Text;
  readonly storageUri: Text;
  readonly serve: {
    readonly gpus: number;
    readonly accelerator?: string | undefined;
    readonly cpuLimit: string;
  };
  /** Price of one copy in US dollars per hour; undefined if unknown. */
  readonly hourlyUsd: number | undefined;
}

export interface ModelComparisonRun<Text = string> {
  readonly settings: RunSettings;
  readonly model: ComparedModel<Text>;
  readonly base?: ComparedModel<Text> | undefined;
  readonly gates: Gates;
}

/** The run that compares one model with its base. */
export function modelComparisonRun<Text = string>(spec: ModelComparisonRun<Text>) {
  const { model, base, gates, settings } = spec;
  const { registry, objectStore } = settings;
  return runOf<Text>(modelComparison, {
    settings,
    params: {
      ...sideOf(model),
      ...(base
        ? Object.fromEntries(Object.entries(sideOf(base)).map(([name, value]) => [`BASE_${name}`, value]))
        : {}),
      GATES: gateConditions(gates),
      MODEL_REGISTRY_URL: registry.url,
      MODEL_REGISTRY_AUTH: registry.auth,
      S3_ENDPOINT: objectStore.endpoint,
      S3_BUCKET: objectStore.bucket,
    },
  });
}

function sideOf<Text>(model: ComparedModel<Text>): Record<string, string | Text> {
  const { gpus, accelerator, cpuLimit } = model.serve;
  return {
    MODEL_NAME: model.name,
    MODEL_VERSION: modelVersion(model),
    ARTIFACTS_URI: model.artifactsUri,
    SERVED_FROM: model.storageUri,
    HARDWARE: gpus > 0 ? `${gpus} × ${accelerator}` : `${cpuLimit} CPU`,
    HOURLY_USD: model.hourlyUsd === undefined ? "" : String(model.hourlyUsd),
  };
}
