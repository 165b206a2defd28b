import { digestOf } from "@modelcar/kubernetes/digest";
import * as pulumi from "@pulumi/pulumi";
import type { Model } from "../../config/config.ts";
import type { Candidate, ServedEndpoint } from "../../pipelines/model-testing-run.ts";
import type { TestSpec } from "../../pipelines/specs.ts";
import { testingRun } from "../../plan/model-runs.ts";
import type { PipelineRunArgs } from "../pipeline-run/index.ts";
import type { ModelService } from "../serving/model-service.ts";
import type { RuntimeSpec } from "../serving/vllm.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { modelRun, type PipelineRunsArgs } from "./model-run.ts";

/** A model that can be tested: its tokenizer is on the hub. */
export type TestedModel = Omit<Model, "source" | "test"> & {
  readonly source: { readonly huggingFace: string; readonly revision: string };
  readonly test: TestSpec;
};

export interface ModelTestingArgs extends PipelineRunsArgs {
  readonly model: TestedModel;
  /** The served model, or the candidate that is tested before serving. */
  readonly tested: ModelService | Candidate<pulumi.Output<string>>;
  /** The tested files; a change runs the tests again. */
  readonly storageUri: pulumi.Output<string>;
  /** The build of vLLM that serves them. */
  readonly runtime: Pick<RuntimeSpec, "image" | "args" | "env">;
  /** Queue for candidates on GPUs. Default: the run starts at once. */
  readonly queue?: PipelineRunArgs["queue"];
}

/** Measures a model's quality and speed. */
export class ModelTesting extends pulumi.ComponentResource {
  /** Results of the run, by name. */
  readonly results: pulumi.Output<Record<string, string>>;
  readonly pipelineRun: pulumi.Output<string>;

  constructor(name: string, args: ModelTestingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:pipelines:ModelTesting", name, {}, inheritedDependsOn(opts));
    const { model, tested, storageUri, settings, storage } = args;
    const { image, args: serverArgs, env } = args.runtime;
    const isCandidate = "inferenceService" in tested;
    const planned = testingRun({
      settings,
      model,
      test: model.test,
      tested: isCandidate ? tested : endpointOf(tested),
    });
    // How a model is served determines its speed.
    const trigger = storageUri.apply((uri) => digestOf([uri, model.serve, image, serverArgs, env]));
    const served = isCandidate ? [] : [tested];
    const run = modelRun(name, { ...args, trigger }, planned, {
      parent: this,
      dependsOn: [...served, storage],
    });
    this.results = run.results.apply((results): Record<string, string> => results);
    this.pipelineRun = run.name;
    this.registerOutputs({ results: this.results });
  }
}

function endpointOf({ url, authentication }: ModelService): ServedEndpoint<pulumi.Output<string>> {
  return { url: url.apply((url) => url ?? ""), authentication };
}
