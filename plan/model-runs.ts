/** The pipeline runs of a model, which the program declares and the scripts start. */

import type { Model } from "../config/config.ts";
import { runGpus } from "../pipelines/catalogue.ts";
import type { PipelineDefinition } from "../pipelines/definition.ts";
import {
  type ModelComparisonRun,
  modelComparison,
  modelComparisonRun,
} from "../pipelines/model-comparison.ts";
import {
  type ImportTarget,
  importedUri,
  results as importResults,
  modelImport,
  modelImportRun,
} from "../pipelines/model-import.ts";
import { candidateTesting, modelTesting } from "../pipelines/model-testing.ts";
import {
  type ModelTestingRun,
  modelTestingResults,
  modelTestingRun,
} from "../pipelines/model-testing-run.ts";
import { modelcar } from "../pipelines/modelcar.ts";
import { modelcarResults, modelcarRun } from "../pipelines/modelcar-run.ts";
import type { RunSettings } from "../pipelines/run-settings.ts";
import type { PipelineRunSpec } from "../pipelines/tekton.ts";
import { modelPlacement } from "../sizing/placement.ts";

/** A run of a pipeline for a model. `Text` is the type of params that other resources provide, such as an Output. */
export interface PlannedRun<Result extends string = string, Text = string> {
  readonly pipeline: PipelineDefinition;
  readonly spec: PipelineRunSpec<Text>;
  /** Results that the run must have. */
  readonly expectedResults: readonly Result[];
}

/** A model that is pulled from a hub. */
export type PulledModel = Model & { readonly source: Extract<Model["source"], { huggingFace: string }> };

/** The run that imports a model into the object store or onto its own volume, and the resulting storage URI. */
export function importRun(model: PulledModel, settings: RunSettings) {
  const target = importTarget(model, settings);
  const made = { settings, model, target };
  return {
    pipeline: modelImport,
    spec: modelImportRun(made),
    expectedResults: Object.keys(importResults) as (keyof typeof importResults)[],
    storageUri: importedUri(made),
  } satisfies PlannedRun & { readonly storageUri: string };
}

/** Where the files go. Models for the object store pass through the shared volume. */
function importTarget({ package: packaging, serve }: PulledModel, settings: RunSettings): ImportTarget {
  if (packaging.kind !== "pvc") return { kind: "s3" };
  const placement = modelPlacement(serve, settings.accelerators);
  return { kind: "pvc", claim: packaging.claim, placement };
}

/** The run that packages a model into an image, after compression and evaluation if they are configured. */
export function packagingRun(
  model: PulledModel,
  settings: RunSettings,
  image: { readonly repository: string; readonly baseImage: string },
) {
  return {
    pipeline: modelcar,
    spec: modelcarRun({ settings, model, ...image }),
    expectedResults: modelcarResults(model),
  } satisfies PlannedRun;
}

/** The run that measures a model: the served one, or a candidate that the run serves. */
export function testingRun<Text = string>(made: ModelTestingRun<Text>): PlannedRun<string, Text> {
  return {
    pipeline: "inferenceService" in made.tested ? candidateTesting : modelTesting,
    spec: modelTestingRun(made),
    expectedResults: modelTestingResults(made.test),
  };
}

/** The run that compares a model with its base and checks its gates. */
export function comparisonRun<Text = string>(made: ModelComparisonRun<Text>) {
  return {
    pipeline: modelComparison,
    spec: modelComparisonRun(made),
    expectedResults: ["passed", "report-uri"],
  } satisfies PlannedRun<string, Text>;
}

/** The queue of a model's runs: runs with GPUs wait for each other, so that none holds some GPUs while it waits for more. */
export function queueOf(model: Model, models: readonly Model[]) {
  const gpus = runGpus(model);
  return gpus > 0 ? { name: "gpus", gpus, capacity: Math.max(...models.map(runGpus)) } : undefined;
}
