/** Runs of the pipelines that measure a model, once it is served or before. */
import type { Authentication } from "../rules/authentication.ts";

import { benchmarkValues, evaluationValues } from "./common-params.ts";
import type { PipelineDefinition } from "./definition.ts";
import { candidateTesting, modelTesting } from "./model-testing.ts";
import { modelVersion, runOf } from "./run.ts";

import type { RunSettings } from "./run-settings.ts";
import type { TestSpec } from "./specs.ts";

/** `Text` is the type of values that other resources provide, such as an Output. */
export interface ModelTestingRun<Text = string> {
  readonly settings: RunSettings;
  readonly test: TestSpec;
  readonly model: {
    readonly name: string;
    readonly source: { readonly huggingFace: string; readonly revision: string };
    readonly compress?: { readonly recipe: string } | undefined;
  };
  /** A served model, or a candidate that the run serves while it tests it. */
  readonly tested: ServedEndpoint<Text> | Candidate<Text>;
}

export interface ServedEndpoint<Text = string> {
  readonly url: Text;
  readonly authentication: Authentication;
}

export interface Candidate<Text = string> {
  readonly name: string;
  /** The manifest as {@link manifestParam} encodes it. */
  readonly inferenceService: Text;
  readonly timeoutSeconds: number;
}

/** Results of a run. */
export function modelTestingResults({ evaluate, benchmark }: TestSpec) {
  return [
    ...(evaluate ? (["scores"] as const) : []),
    ...(benchmark
      ? ([
          "ttft-ms-p95",
          "itl-ms-p95",
          "output-tokens-per-second",
          "requests-per-second",
          "error-rate",
        ] as const)
      : []),
    "artifacts-uri" as const,
  ];
}

/** Encodes a manifest as a param, without $, because Tekton and Kubernetes would substitute $(…). */
export const manifestParam = (manifest: object): string =>
  JSON.stringify(manifest).replaceAll("$", "\\u0024");

/** The run that tests one model. */
export function modelTestingRun<Text = string>(spec: ModelTestingRun<Text>) {
  const { test, model, settings } = spec;
  const { registry, objectStore } = settings;
  const { evaluate, benchmark } = test;
  const [pipeline, tested] = testedBy(spec);
  return runOf<Text>(pipeline, {
    settings,
    params: {
      ...tested,
      HUGGINGFACE_MODEL: model.source.huggingFace,
      HUGGINGFACE_REVISION: model.source.revision,
      HF_ENDPOINT: settings.huggingFaceEndpoint,
      MODEL_NAME: model.name,
      MODEL_VERSION: modelVersion(model),
      WORKSPACE_DIRECTORY: `${model.name}-test`,
      ...evaluationValues(evaluate),
      ...benchmarkValues(benchmark),
      MODEL_REGISTRY_URL: registry.url,
      MODEL_REGISTRY_AUTH: registry.auth,
      S3_ENDPOINT: objectStore.endpoint,
      S3_BUCKET: objectStore.bucket,
    },
  });
}

/** The pipeline, and the params that only it has. */
function testedBy<Text>({
  tested,
  model,
}: ModelTestingRun<Text>): [PipelineDefinition, Record<string, string | Text>] {
  if ("inferenceService" in tested) {
    const { name, inferenceService, timeoutSeconds } = tested;
    return [
      candidateTesting,
      {
        SERVED_MODEL_NAME: name,
        INFERENCE_SERVICE: inferenceService,
        TIMEOUT_SECONDS: String(timeoutSeconds),
      },
    ];
  }
  const { url, authentication } = tested;
  return [modelTesting, { SERVED_MODEL_NAME: model.name, ENDPOINT_URL: url, ...loginParams(authentication) }];
}

/** How the tasks that call a model authenticate. */
function loginParams(authentication: Authentication): Record<string, string> {
  switch (authentication.kind) {
    case "apiKey":
      return { ENDPOINT_AUTH: "token", ENDPOINT_SECRET: authentication.secret.name };
    case "platformToken":
      return { ENDPOINT_AUTH: "serviceAccount" };
    case "none":
      return { ENDPOINT_AUTH: "none" };
  }
}
