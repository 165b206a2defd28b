import * as pulumi from "@pulumi/pulumi";
import type { Gates } from "../../pipelines/model-comparison.ts";
import { comparisonRun } from "../../plan/model-runs.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { modelRun, type PipelineRunsArgs } from "./model-run.ts";

/** A model with its measurements. */
export interface MeasuredModel {
  readonly name: string;
  readonly source: { readonly revision: string };
  readonly compress?: { readonly recipe: string } | undefined;
  readonly serve: {
    readonly gpus: number;
    readonly accelerator?: string | undefined;
    readonly cpuLimit: string;
  };
  readonly storageUri: pulumi.Output<string>;
  /** What its test run reported. */
  readonly measured: pulumi.Output<Record<string, string>>;
  /** Of one copy; undefined if nobody knows. */
  readonly hourlyUsd: number | undefined;
}

export interface ModelComparisonArgs extends Omit<PipelineRunsArgs, "storage"> {
  readonly model: MeasuredModel;
  /** What it is compared with. Default: nothing, and only its gates are judged. */
  readonly base?: MeasuredModel | undefined;
  /** What must hold; if something does not, this resource fails, and with it what depends on it. */
  readonly gates: Gates;
}

/** The comparison of a model with its base, the judgement of its gates, and the report. */
export class ModelComparison extends pulumi.ComponentResource {
  /** What the run reported, by name. */
  readonly results: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: ModelComparisonArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:pipelines:ModelComparison", name, {}, inheritedDependsOn(opts));
    const { model, base, gates, settings } = args;
    const planned = comparisonRun({
      settings,
      gates,
      model: compared(model),
      base: base && compared(base),
    });
    const run = modelRun(name, args, planned, { parent: this, dependsOn: [] });
    this.results = run.results.apply((results): Record<string, string> => results);
    this.registerOutputs({ results: this.results });
  }
}

function compared({ measured, ...model }: MeasuredModel) {
  return { ...model, artifactsUri: measured.apply((results) => results["artifacts-uri"] ?? "") };
}
