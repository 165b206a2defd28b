/** All pipelines, and which of them a model needs. */
import type { Model } from "../config/config.ts";
import { isCompared, needsCandidate } from "../rules/candidate.ts";
import { type PipelineDefinition, tasksOf } from "./definition.ts";
import { modelComparison } from "./model-comparison.ts";
import { modelImport } from "./model-import.ts";
import { candidateTesting, modelTesting } from "./model-testing.ts";
import { modelcar } from "./modelcar.ts";
import type { JobSpec } from "./specs.ts";

export const allPipelines: readonly PipelineDefinition[] = [
  modelImport,
  modelcar,
  modelTesting,
  candidateTesting,
  modelComparison,
];

/** A task of a model's runs; `job` holds the configured resources of tasks that run the model. */
export interface RunTask {
  readonly task: string;
  readonly job?: JobSpec | undefined;
}

/** The tasks that run for a model, without those that its config skips. */
export function runTasks(model: Model): RunTask[] {
  const { source, package: packaging, compress, evaluate, test } = model;
  if ("uri" in source) return [];
  const plain = (...tasks: string[]) => tasks.map((task) => ({ task }));
  const brought =
    packaging.kind === "modelcar"
      ? [
          ...plain("check-parameters", "pull-model-from-huggingface"),
          ...(compress ? [{ task: "compress-model", job: compress }] : []),
          ...(evaluate ? [...plain("fetch-evaluation-data"), { task: "evaluate-model", job: evaluate }] : []),
          ...plain("build-and-push-modelcar", "register-model", "cleanup-workspace"),
        ]
      : plain("pull-model-from-huggingface", "upload-to-minio", "register-model");
  return [
    ...brought,
    ...(needsCandidate(model) ? plain("deploy-model", "remove-model") : []),
    ...(test?.evaluate ? plain("run-lm-eval-v2") : []),
    ...(test?.benchmark ? plain("run-guidellm-v2") : []),
    ...(test ? plain("publish-test-results-v2") : []),
    ...(isCompared(model) ? plain(...tasksOf(modelComparison)) : []),
  ];
}

/** Maximum number of GPUs that a model's pipeline runs hold at a time: for a task, or for the candidate. */
export const runGpus = (model: Model): number =>
  Math.max(...runTasks(model).map(({ job }) => job?.gpus ?? 0), needsCandidate(model) ? model.serve.gpus : 0);
