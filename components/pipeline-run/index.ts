import * as pulumi from "@pulumi/pulumi";
import type { PipelineRunSpec } from "../manifests/tekton.ts";

/** Only `require` and parameters inside: this text is what state holds. Paths start at the directory of Pulumi.yaml. */
const provider: pulumi.dynamic.ResourceProvider = {
  diff: (id, olds, news) => require("./components/pipeline-run/provider.ts").diff(id, olds, news),
  create: (inputs) => require("./components/pipeline-run/provider.ts").create(inputs),
  read: (id, props) => require("./components/pipeline-run/provider.ts").read(id, props),
  update: (id, olds, news) => require("./components/pipeline-run/provider.ts").update(id, olds, news),
  delete: (id, props) => require("./components/pipeline-run/provider.ts").remove(id, props),
};

export interface PipelineRunArgs {
  /** Context of the kubeconfig, which is read as kubectl reads it. */
  readonly context: pulumi.Input<string>;
  readonly namespace: pulumi.Input<string>;
  /** Start of the run's name, <pipeline>-<model>; a hash of the inputs follows. */
  readonly prefix: pulumi.Input<string>;
  readonly spec: pulumi.Input<PipelineRunSpec>;
  /** Digest of the Pipeline and its Tasks: another definition means another run. */
  readonly definition: pulumi.Input<string>;
  /** Any text; another text asks for another run. Default: none. */
  readonly trigger?: pulumi.Input<string>;
  /** Tekton's own timeout for the run in seconds; the wait ends a little later. */
  readonly timeoutSeconds: pulumi.Input<number>;
}

/**
 * A Tekton PipelineRun that has succeeded. Unchanged inputs mean no run; changed ones a new run, whose results replace
 * the old ones. A run that fails fails the resource, with the step's last log lines, and the next `up` tries again.
 */
export class PipelineRun<Result extends string = string> extends pulumi.dynamic.Resource {
  /** Name of the run in the cluster. */
  declare readonly name: pulumi.Output<string>;
  declare readonly uid: pulumi.Output<string>;
  /** RFC 3339. */
  declare readonly startTime: pulumi.Output<string>;
  /** RFC 3339. */
  declare readonly completionTime: pulumi.Output<string>;
  /** The pipeline's results by name. */
  declare readonly results: pulumi.Output<Record<Result, string>>;

  constructor(name: string, args: PipelineRunArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = {
      name: undefined,
      uid: undefined,
      startTime: undefined,
      completionTime: undefined,
      results: undefined,
    };
    super(provider, name, { ...args, ...outputs }, opts, "tekton", "PipelineRun");
  }
}
