import * as pulumi from "@pulumi/pulumi";
import type { ModelPlan } from "../../plan/models.ts";
import { filled } from "../../plan/pending.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { modelRun, type PipelineRunsArgs } from "./model-run.ts";

/** A model with its measurements. */
export interface MeasuredModel {
  readonly storageUri: pulumi.Output<string>;
  /** Results of its test run. */
  readonly measured: pulumi.Output<Record<string, string>>;
}

export interface ModelComparisonArgs extends Omit<PipelineRunsArgs, "settings" | "storage"> {
  /** If a gate does not hold, the run fails, and nothing that depends on this resource is deployed. */
  readonly comparisonRun: NonNullable<ModelPlan["comparisonRun"]>;
  readonly model: MeasuredModel & { readonly name: string };
  /** What it is compared with. Default: nothing; only its gates are checked. */
  readonly base?: MeasuredModel | undefined;
}

/** Compares a model with its base, checks its gates, and writes the report. */
export class ModelComparison extends pulumi.ComponentResource {
  /** Results of the run, by name. */
  readonly results: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: ModelComparisonArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:pipelines:ModelComparison", name, {}, inheritedDependsOn(opts));
    const { model, base, comparisonRun } = args;
    const artifactsOf = ({ measured }: MeasuredModel) =>
      measured.apply((results) => results["artifacts-uri"] ?? "");
    const planned = filled(comparisonRun, {
      storageUri: model.storageUri,
      artifactsUri: artifactsOf(model),
      ...(base ? { baseStorageUri: base.storageUri, baseArtifactsUri: artifactsOf(base) } : {}),
    });
    const run = modelRun(name, args, planned, { parent: this, dependsOn: [] });
    this.results = run.results.apply((results): Record<string, string> => results);
    this.registerOutputs({ results: this.results });
  }
}
