import * as pulumi from "@pulumi/pulumi";
import type { Gates } from "../../pipelines/model-comparison.ts";
import { comparisonRun } from "../../plan/model-runs.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { modelRun, type PipelineRunsArgs } from "./model-run.ts";

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
  /** Results of its test run. */
  readonly measured: pulumi.Output<Record<string, string>>;
  /** Price of one copy in US dollars per hour; undefined if unknown. */
  readonly hourlyUsd: number | undefined;
}

export interface ModelComparisonArgs extends Omit<PipelineRunsArgs, "storage"> {
  readonly model: MeasuredModel;
  /** What it is compared with. Default: nothing; only its gates are checked. */
  readonly base?: MeasuredModel | undefined;
  /** If a gate does not hold, this resource fails, and nothing that depends on it is deployed. */
  readonly gates: Gates;
}

/** Compares a model with its base, checks its gates, and writes the report. */
export class ModelComparison extends pulumi.ComponentResource {
  /** Results of the run, by name. */
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
