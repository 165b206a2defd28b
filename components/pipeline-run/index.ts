import * as pulumi from "@pulumi/pulumi";
import type { RunInputs, RunSpec } from "./inputs.ts";
import type { RunOutputs } from "./outputs.ts";

/** Only `require` and parameters inside: this text is what state holds. Paths start at the directory of Pulumi.yaml. */
const provider: pulumi.dynamic.ResourceProvider = {
  configure: (request) => require("./components/dynamic.cjs")("pipeline-run").configure(request),
  check: (olds, news) => require("./components/dynamic.cjs")("pipeline-run").check(olds, news),
  diff: (id, olds, news) => require("./components/dynamic.cjs")("pipeline-run").diff(id, olds, news),
  create: (inputs) => require("./components/dynamic.cjs")("pipeline-run").create(inputs),
  read: (id, props) => require("./components/dynamic.cjs")("pipeline-run").read(id, props),
  update: (id, olds, news) => require("./components/dynamic.cjs")("pipeline-run").update(id, olds, news),
  delete: (id, props) => require("./components/dynamic.cjs")("pipeline-run").remove(id, props),
};

/**
 * A param that another resource gives is an Output of its own, so that a preview names it. Where the whole is one, nobody
 * knows what of it changes.
 */
type LaterSpec = Omit<RunSpec, "params"> & {
  readonly params?: readonly {
    readonly name: string;
    readonly value: pulumi.Input<string | readonly string[]>;
  }[];
};

/** What {@link RunInputs} says, as Outputs; the results that are expected give those of the resource their names. */
export type PipelineRunArgs<Result extends string = string> = {
  readonly [K in keyof Omit<RunInputs, "expectedResults" | "spec">]: pulumi.Input<RunInputs[K]>;
} & { readonly spec: pulumi.Input<LaterSpec>; readonly expectedResults?: readonly Result[] };

/** Known once the run has succeeded. */
const outputs: Record<keyof RunOutputs, undefined> = {
  name: undefined,
  uid: undefined,
  startTime: undefined,
  completionTime: undefined,
  durationSeconds: undefined,
  taskSeconds: undefined,
  results: undefined,
  logs: undefined,
  namespaceUid: undefined,
};

/**
 * A Tekton PipelineRun that has succeeded. Unchanged inputs mean no run; changed ones a new run, whose results replace
 * the old ones. A run that fails fails the resource, with the step's last log lines, and the next `up` tries again.
 */
export class PipelineRun<Result extends string = string> extends pulumi.dynamic.Resource {
  /** Name of the run in the cluster. */
  declare readonly name: pulumi.Output<string>;
  declare readonly uid: pulumi.Output<string>;
  /** RFC 3339, by the cluster's clock. */
  declare readonly startTime: pulumi.Output<string>;
  /** RFC 3339, by the cluster's clock. */
  declare readonly completionTime: pulumi.Output<string>;
  declare readonly durationSeconds: pulumi.Output<number>;
  /** Seconds by task, of the tasks that ran. */
  declare readonly taskSeconds: pulumi.Output<Record<string, number>>;
  /** The pipeline's results by name; arrays and objects as JSON. */
  declare readonly results: pulumi.Output<Record<Result, string>>;
  /** Where the whole log is: a page of the console, or a kubectl command. */
  declare readonly logs: pulumi.Output<string>;

  constructor(name: string, args: PipelineRunArgs<Result>, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { ...args, ...outputs }, opts, "tekton", "PipelineRun");
  }
}
