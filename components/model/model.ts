/**
 * A model's lifecycle as one graph: imported, measured, compared, gated, served. Gates are checked on a separate service (a
 * candidate); the model that is served now stays until they hold.
 */
import * as pulumi from "@pulumi/pulumi";
import type { Model as ModelConfig } from "../../config/config.ts";
import { manifestParam } from "../../pipelines/model-testing-run.ts";
import type { ModelPlan } from "../../plan/models.ts";
import { type CandidateSpec, candidateService } from "../serving/candidate.ts";
import { ModelService, type ModelServiceArgs } from "../serving/model-service.ts";

import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { type MeasuredModel, ModelComparison } from "./model-comparison.ts";
import { ModelImport, type ModelImportArgs } from "./model-import.ts";
import { ModelTesting } from "./model-testing.ts";

export interface ModelArgs
  extends Pick<ModelPlan, "model" | "candidate" | "importRun" | "testRun" | "comparisonRun"> {
  /** Arguments of its runs. */
  readonly runs: Omit<ModelImportArgs, "model" | "importRun">;
  /** Arguments of its service. */
  readonly service: Omit<ModelServiceArgs, "name" | "serve" | "storageUri" | "registration">;
  /** The model that it is compared with (`test.base`). */
  readonly base?: Model | undefined;
}

/** A model and everything declared for it. */
export class Model extends pulumi.ComponentResource {
  readonly config: ModelConfig;
  readonly imported: ModelImport;
  readonly service: ModelService;
  /** Undefined for a model without tests. */
  readonly testing: ModelTesting | undefined;
  /** Undefined for a model without base and gates. */
  readonly comparison: ModelComparison | undefined;

  constructor(name: string, args: ModelArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:models:Model", name, {}, inheritedDependsOn(opts));
    const { model, base, importRun, candidate } = args;
    this.config = model;
    // The base is measured first: if that fails, nothing is spent on this model, and the runs do not slow each other down.
    this.imported = new ModelImport(name, { ...args.runs, model, importRun }, this.#after(base?.testing));
    if (candidate) {
      this.testing = this.#measure(name, args, candidateOf(args, this.imported.storageUri));
      this.comparison = this.#compare(name, args);
      this.service = this.#serve(name, args, this.testing, this.comparison);
    } else {
      this.service = this.#serve(name, args);
      this.testing = this.#measure(name, args, this.service);
      this.comparison = this.#compare(name, args);
    }
    this.registerOutputs({ storageUri: this.imported.storageUri, url: this.service.url });
  }

  #serve(name: string, { model, service }: ModelArgs, ...before: (pulumi.Resource | undefined)[]) {
    const { storageUri, registration } = this.imported;
    const args = { ...service, name: model.name, serve: model.serve, storageUri, registration };
    return new ModelService(name, args, this.#after(...before));
  }

  /** Measures the served model, or a candidate, which holds its own GPUs meanwhile. */
  #measure(
    name: string,
    { model, testRun, runs, service }: ModelArgs,
    tested: ModelService | pulumi.Output<string>,
  ): ModelTesting | undefined {
    if (!testRun) return undefined;
    const queue = tested instanceof ModelService ? undefined : runs.queue;
    const { storageUri } = this.imported;
    const args = { ...runs, model, testRun, tested, storageUri, queue, runtime: service.runtime };
    // A candidate uses the same runtime.
    return new ModelTesting(name, args, this.#after(service.servingRuntime));
  }

  #compare(name: string, { model, comparisonRun, runs, base }: ModelArgs): ModelComparison | undefined {
    const measured = this.#measured();
    if (!comparisonRun || !measured) return undefined;
    const args = {
      ...runs,
      queue: undefined,
      comparisonRun,
      model: { ...measured, name: model.name },
      base: base ? base.#measured() : undefined,
    };
    return new ModelComparison(name, args, this.#after());
  }

  #measured(): MeasuredModel | undefined {
    const { storageUri } = this.imported;
    return this.testing && { storageUri, measured: this.testing.results };
  }

  /** Options of child components. They once had no parent; the alias keeps them the same resources. */
  #after(...before: (pulumi.Resource | undefined)[]): pulumi.ComponentResourceOptions {
    return {
      parent: this,
      aliases: [{ parent: pulumi.rootStackResource }],
      dependsOn: before.filter((each) => each !== undefined),
    };
  }
}

/** The encoded manifest of the candidate. */
function candidateOf(
  { model, service }: ModelArgs,
  storageUri: pulumi.Output<string>,
): pulumi.Output<string> {
  const { platform, namespace, deploymentMode, placement, pullSecrets, endpoint, runtime } = service;
  const spec: Omit<CandidateSpec, "storageUri"> = {
    platform,
    namespace,
    deploymentMode,
    placement,
    pullSecrets,
    name: model.name,
    serve: model.serve,
    runtime: runtime.name,
    timeoutSeconds: endpoint.timeoutSeconds,
  };
  return storageUri.apply((storageUri) => manifestParam(candidateService({ ...spec, storageUri })));
}
