/** Plans a run: with the same spec that the program makes from the same configuration. Pure. */

import { pending, type Queue, queueMetadata } from "@modelcar/tekton-run/runs";
import { conventions } from "../../components/pipeline-run/conventions.ts";
import type { Config, Model } from "../../config/config.ts";
import type { PipelineDefinition } from "../../pipelines/definition.ts";
import { modelImport } from "../../pipelines/model-import.ts";
import { modelTesting } from "../../pipelines/model-testing.ts";
import { modelcar } from "../../pipelines/modelcar.ts";
import { runSettings } from "../../pipelines/run-settings.ts";
import type { PipelineRunSpec } from "../../pipelines/tekton.ts";
import {
  importRun,
  type PlannedRun,
  type PulledModel,
  packagingRun,
  queueOf,
  testingRun,
} from "../../plan/model-runs.ts";
import { modelAddress } from "../../rules/addresses.ts";
import { authenticationOf } from "../../rules/authentication.ts";
import { benchmarkDefaults } from "../../rules/benchmark.ts";

export const pipelines = {
  "run-model-import": modelImport,
  "run-model-testing": modelTesting,
  "run-modelcar": modelcar,
} as const;
export type RunCommand = keyof typeof pipelines;

/** A run to create. */
export interface Plan {
  readonly pipeline: PipelineDefinition;
  readonly model: string;
  readonly spec: PipelineRunSpec;
  /** The queue that it waits in. Default: it starts at once. */
  readonly queue?: Queue | undefined;
}

/** A command does not fit the stack; the message says what does. */
export class PlanError extends Error {}

/** The model with that name. Throws a PlanError that lists the models. */
export function modelOf(config: Config, name: string): Model {
  const model = config.models.find((candidate) => candidate.name === name);
  if (model) return model;
  const known = config.models.map((candidate) => candidate.name).join(", ");
  throw new PlanError(`the stack has no model "${name}"; modelcar:models has ${known}`);
}

/**
 * The run of a pipeline for a model. `params` override the configuration; each must be a param of the pipeline.
 * `endpointUrl` is where the model answers, for a test. Throws a PlanError.
 */
export function planRun(
  command: RunCommand,
  config: Config,
  name: string,
  params: Readonly<Record<string, string>> = {},
  endpointUrl?: string,
): Plan {
  const pipeline: PipelineDefinition = pipelines[command];
  const unknown = Object.keys(params).filter((param) => !Object.hasOwn(pipeline.params, param));
  if (unknown.length > 0) {
    const known = Object.keys(pipeline.params).join(", ");
    throw new PlanError(`pipeline ${pipeline.name} has no param ${unknown.join(", ")}; it has ${known}`);
  }
  const model = modelOf(config, name);
  const { source } = model;
  if ("uri" in source) {
    throw new PlanError(
      `model ${name} is at ${source.uri} already: pipeline ${pipeline.name} needs source.huggingFace`,
    );
  }
  const make = { "run-model-import": imported, "run-model-testing": tested, "run-modelcar": packed }[command];
  const { spec } = make(config, { ...model, source }, params, endpointUrl);
  return {
    pipeline,
    model: name,
    spec: { ...spec, params: replaced(spec.params, params) },
    queue: command === "run-modelcar" ? queueOf(model, config.models) : undefined,
  };
}

/** The PipelineRun, named by the API server. `labels` are added to its own. */
export function manifestOf(
  config: Config,
  { pipeline, model, spec, queue }: Plan,
  labels: Record<string, string> = {},
) {
  const line = queue && queueMetadata(conventions, queue);
  return {
    apiVersion: "tekton.dev/v1",
    kind: "PipelineRun",
    metadata: {
      // Leaves room for the server's suffix of five characters.
      generateName: `${`${pipeline.name}-${model}`.slice(0, 57)}-`,
      namespace: config.namespace,
      labels: {
        "app.kubernetes.io/part-of": "modelcar",
        "modelcar/model": model,
        ...labels,
        ...line?.labels,
      },
      ...(line ? { annotations: line.annotations } : {}),
    },
    spec: line ? { ...spec, status: pending } : spec,
  };
}

type Params = Readonly<Record<string, string>>;

function imported(config: Config, model: PulledModel): PlannedRun {
  if (model.package.kind === "modelcar") {
    throw new PlanError(
      `model ${model.name} is packaged as an image (package.kind: modelcar): use run-modelcar`,
    );
  }
  return importRun(model, runSettings(config));
}

function packed(config: Config, model: PulledModel, params: Params): PlannedRun {
  const repository = model.package.kind === "modelcar" ? model.package.image : params.OCI_IMAGE;
  const baseImage = params.BASE_IMAGE ?? config.images.modelcarBase;
  if (!repository) {
    throw new PlanError(
      `model ${model.name} has package.kind: ${model.package.kind}: name the image's repository with --param OCI_IMAGE=<registry>/<repository>`,
    );
  }
  if (!baseImage) {
    throw new PlanError(
      "no base image for the model: set modelcar:images.modelcarBase, or --param BASE_IMAGE=<image by digest>",
    );
  }
  return packagingRun(model, runSettings(config), { repository, baseImage });
}

function tested(config: Config, model: PulledModel, params: Params, endpointUrl?: string): PlannedRun {
  const { serve, name, test } = model;
  if (serve.stopped && params.ENDPOINT_URL === undefined) {
    throw new PlanError(`model ${name} is not served: remove serve.stopped and run pulumi up first`);
  }
  return testingRun({
    settings: runSettings(config),
    model,
    test: test ?? defaultTest,
    tested: {
      url: endpointUrl ?? modelAddress(config.namespace, model),
      authentication: authenticationOf(config.platform, model),
    },
  });
}

/** The test of a model whose configuration has none: the tasks of the seeds, and a sweep. */
const defaultTest = {
  evaluate: { tasks: ["hellaswag", "arc_easy"], applyChatTemplate: false, minimumScores: {} },
  benchmark: benchmarkDefaults,
};

function replaced(spec: PipelineRunSpec["params"], params: Params): PipelineRunSpec["params"] {
  const kept = spec.filter(({ name }) => !Object.hasOwn(params, name));
  return [...kept, ...Object.entries(params).map(([name, value]) => ({ name, value }))];
}
