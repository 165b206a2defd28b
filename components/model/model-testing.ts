import { digestOf } from "@modelcar/kubernetes/digest";
import * as pulumi from "@pulumi/pulumi";
import type { Model } from "../../config/config.ts";
import type { ModelPlan } from "../../plan/models.ts";
import { filled } from "../../plan/pending.ts";
import type { PipelineRunArgs } from "../pipeline-run/index.ts";
import { ModelService } from "../serving/model-service.ts";
import type { RuntimeSpec } from "../serving/vllm.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { modelRun, type PipelineRunsArgs } from "./model-run.ts";

export interface ModelTestingArgs extends PipelineRunsArgs {
  readonly model: Model;
  readonly testRun: NonNullable<ModelPlan["testRun"]>;
  /** The served model, or the encoded manifest of the candidate that is tested before serving. */
  readonly tested: ModelService | pulumi.Output<string>;
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

  constructor(name: string, args: ModelTestingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:pipelines:ModelTesting", name, {}, inheritedDependsOn(opts));
    const { model, testRun, tested, storageUri, storage } = args;
    const { image, args: serverArgs, env } = args.runtime;
    // How a model is served determines its speed.
    const trigger = storageUri.apply((uri) => digestOf([uri, model.serve, image, serverArgs, env]));
    const isServed = tested instanceof ModelService;
    const planned = filled(
      testRun,
      isServed ? { endpointUrl: tested.url.apply((url) => url ?? "") } : { inferenceService: tested },
    );
    const run = modelRun(name, { ...args, trigger }, planned, {
      parent: this,
      dependsOn: [...(isServed ? [tested] : []), storage],
    });
    this.results = run.results.apply((results): Record<string, string> => results);
    this.registerOutputs({ results: this.results });
  }
}
