import * as pulumi from "@pulumi/pulumi";
import { type Gates, modelComparison, modelComparisonRun } from "../../pipelines/model-comparison.ts";
import { PipelineRun } from "../pipeline-run/index.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import type { PipelineRunsArgs } from "./model-import.ts";

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
    const { context, namespace, model, base, pipelines, registry, objectStore } = args;
    const run = new PipelineRun(
      `${modelComparison.name}-${name}`,
      {
        context,
        namespace,
        prefix: `${modelComparison.name}-${model.name}`,
        spec: modelComparisonRun({
          settings: args.settings,
          gates: args.gates,
          model: compared(model),
          base: base && compared(base),
        }),
        definition: pipelines.digests[modelComparison.name] ?? "",
        expectedResults: ["passed", "report-uri"],
        ...args.run,
      },
      { parent: this, dependsOn: [pipelines, registry, objectStore] },
    );
    this.results = run.results.apply((results): Record<string, string> => results);
    this.registerOutputs({ results: this.results });
  }
}

function compared({ measured, ...model }: MeasuredModel) {
  return { ...model, artifactsUri: measured.apply((results) => results["artifacts-uri"] ?? "") };
}
