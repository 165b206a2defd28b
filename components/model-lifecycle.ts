/**
 * A model's whole life as one graph: brought, measured, compared, judged, served. What must hold before a model is served is
 * judged on a service of its own (a candidate), and the model that is served now stays until it does.
 */
import * as pulumi from "@pulumi/pulumi";
import type { Model } from "../config.ts";
import { candidateName, isCompared, needsCandidate } from "../plan/candidate.ts";
import { copyHourlyUsd } from "../sizing/cost.ts";
import { type CandidateSpec, candidateService } from "./manifests/candidate.ts";
import { type Candidate, manifestParam } from "./manifests/pipelines/model-testing-run.ts";
import { secondsToServe } from "./manifests/vllm.ts";
import { type MeasuredModel, ModelComparison } from "./model-comparison.ts";
import { ModelImport, type ModelImportArgs, type PipelineRunsArgs } from "./model-import.ts";
import { ModelService, type ModelServiceArgs } from "./model-service.ts";
import { ModelTesting, type TestedModel } from "./model-testing.ts";
import type { PipelineRunArgs } from "./pipeline-run/index.ts";

export interface ModelLifecycleArgs {
  readonly model: Model;
  /** For its runs. */
  readonly runs: Omit<ModelImportArgs, "model">;
  /** For its service. */
  readonly service: Omit<ModelServiceArgs, "name" | "serve" | "storageUri" | "registration">;
  /** The life of `test.base`. */
  readonly base?: ModelLifecycle | undefined;
}

export interface ModelLifecycle {
  readonly model: Model;
  readonly imported: ModelImport;
  readonly service: ModelService;
  /** Of a model that is tested. */
  readonly testing: ModelTesting | undefined;
  /** Of one that is compared or has gates. */
  readonly comparison: ModelComparison | undefined;
}

/** Declares everything of one model; `opts` are of each of its components. */
export function modelLifecycle(
  args: ModelLifecycleArgs,
  opts: pulumi.ComponentResourceOptions,
): ModelLifecycle {
  const { model, runs, base } = args;
  const { name, serve, test = {} } = model;
  const after = (...before: (pulumi.Resource | undefined)[]): pulumi.ComponentResourceOptions =>
    pulumi.mergeOptions(opts, { dependsOn: before.filter((each) => each !== undefined) });
  // The base is measured first: if that fails, nothing is spent on this one, and neither run slows the other down.
  const imported = new ModelImport(name, { ...runs, model }, after(base?.testing));
  const { storageUri, registration } = imported;

  const serveAfter = (...before: (pulumi.Resource | undefined)[]) =>
    new ModelService(name, { ...args.service, name, serve, storageUri, registration }, after(...before));
  const measure = (
    tested: ModelService | Candidate<pulumi.Output<string>>,
    queue?: PipelineRunArgs["queue"],
  ) =>
    isTested(model)
      ? new ModelTesting(
          name,
          { ...runs, model, tested, storageUri, queue, runtime: args.service.runtime },
          // A candidate is served by the same runtime.
          after(args.service.servingRuntime),
        )
      : undefined;
  const compare = (testing: ModelTesting | undefined) =>
    testing && isCompared(model)
      ? new ModelComparison(
          name,
          {
            ...runs,
            model: measuredModel(model, runs, imported, testing),
            base: base?.testing && measuredModel(base.model, runs, base.imported, base.testing),
            gates: test,
          },
          opts,
        )
      : undefined;

  if (needsCandidate(model)) {
    const testing = measure(candidateOf(args, storageUri), runs.queue);
    const comparison = compare(testing);
    return { model, imported, testing, comparison, service: serveAfter(testing, comparison) };
  }
  const service = serveAfter();
  const testing = measure(service);
  return { model, imported, testing, comparison: compare(testing), service };
}

function measuredModel(
  { name, source, compress, serve }: Model,
  { accelerators }: PipelineRunsArgs,
  { storageUri }: ModelImport,
  { results }: ModelTesting,
): MeasuredModel {
  // A model that is tested comes from the hub.
  const { revision } = source as { revision: string };
  const hourlyUsd = copyHourlyUsd(serve, accelerators);
  return { name, source: { revision }, compress, serve, storageUri, measured: results, hourlyUsd };
}

function isTested(model: Model): model is Model & TestedModel {
  return model.test !== undefined && "huggingFace" in model.source;
}

function candidateOf(
  { model, service }: ModelLifecycleArgs,
  storageUri: pulumi.Output<string>,
): Candidate<pulumi.Output<string>> {
  const { platform, namespace, deploymentMode, accelerators, pullSecrets, endpoint, runtime } = service;
  const spec: Omit<CandidateSpec, "storageUri"> = {
    platform,
    namespace,
    deploymentMode,
    accelerators,
    pullSecrets,
    name: model.name,
    serve: model.serve,
    runtime: runtime.name,
    timeoutSeconds: endpoint.timeoutSeconds,
  };
  return {
    name: candidateName(model.name),
    inferenceService: storageUri.apply((storageUri) =>
      manifestParam(candidateService({ ...spec, storageUri })),
    ),
    timeoutSeconds: secondsToServe(runtime),
  };
}

/** Bases before the models that are compared with them. */
export function basesFirst<M extends Pick<Model, "test">>(models: readonly M[]): M[] {
  const compared = (model: M) => model.test?.base !== undefined;
  return [...models.filter((model) => !compared(model)), ...models.filter(compared)];
}
