import { digestOf } from "@modelcar/kubernetes/digest";
import * as pulumi from "@pulumi/pulumi";
import type { Model } from "../../config.ts";
import { authenticationOf } from "../../plan/authentication.ts";
import { testingRun } from "../../plan/model-runs.ts";
import { PipelineRun, type PipelineRunArgs } from "../pipeline-run/index.ts";
import type { Candidate, ServedEndpoint, TestSpec } from "../pipelines/model-testing-run.ts";
import type { ModelService } from "../serving/model-service.ts";
import type { RuntimeSpec } from "../serving/vllm.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import type { PipelineRunsArgs } from "./model-import.ts";

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
    const { context, namespace, model, tested, storageUri, pipelines, registry, objectStore, storage } = args;
    const { image, env } = args.runtime;
    const isCandidate = "inferenceService" in tested;
    const { pipeline, spec, expectedResults } = testingRun({
      settings: args.settings,
      model,
      test: model.test,
      tested: isCandidate ? tested : endpointOf(args, tested),
    });
    const served = isCandidate ? [] : [tested];
    const run = new PipelineRun(
      `${pipeline.name}-${name}`,
      {
        context,
        namespace,
        prefix: `${pipeline.name}-${model.name}`,
        spec,
        definition: pipelines.digests[pipeline.name] ?? "",
        // How a model is served determines its speed.
        trigger: storageUri.apply((uri) => digestOf([uri, model.serve, image, args.runtime.args, env])),
        expectedResults,
        ...(args.queue ? { queue: args.queue } : {}),
        ...args.run,
      },
      { parent: this, dependsOn: [...served, pipelines, registry, objectStore, storage] },
    );
    this.results = run.results.apply((results): Record<string, string> => results);
    this.pipelineRun = run.name;
    this.registerOutputs({ results: this.results });
  }
}

function endpointOf(
  { model, settings }: ModelTestingArgs,
  { url }: ModelService,
): ServedEndpoint<pulumi.Output<string>> {
  return { url: url.apply((url) => url ?? ""), authentication: authenticationOf(settings.platform, model) };
}
