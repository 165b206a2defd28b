import { secretAccess } from "@modelcar/kubernetes/secret-access";
import * as pulumi from "@pulumi/pulumi";
import { type Conventions, defaults } from "./conventions.ts";
import type { RunInputs, RunSpec } from "./inputs.ts";
import type { RunOutputs } from "./outputs.ts";

export type { Conventions, LeftoverKind } from "./conventions.ts";
export type {
  Param,
  PodTemplate,
  Queue,
  Requirements,
  RunSpec,
  TaskRunSpec,
  WorkspaceBinding,
} from "./inputs.ts";

/**
 * The provider with a program's conventions. Uses only `require`, parameters and one text, because state holds this code. It
 * names the package, which Node finds from the program's directory.
 */
class Shim implements pulumi.dynamic.ResourceProvider {
  /** As JSON. */
  readonly conventions: string;

  constructor(conventions: string) {
    this.conventions = conventions;
  }

  configure(request: pulumi.dynamic.ConfigureRequest) {
    return require("@modelcar/tekton-run/provider")(this.conventions).configure(request);
  }

  check(olds: object, news: object) {
    return require("@modelcar/tekton-run/provider")(this.conventions).check(olds, news);
  }

  diff(id: string, olds: object, news: object) {
    return require("@modelcar/tekton-run/provider")(this.conventions).diff(id, olds, news);
  }

  create(inputs: object) {
    return require("@modelcar/tekton-run/provider")(this.conventions).create(inputs);
  }

  read(id: string, props: object) {
    return require("@modelcar/tekton-run/provider")(this.conventions).read(id, props);
  }

  update(id: string, olds: object, news: object) {
    return require("@modelcar/tekton-run/provider")(this.conventions).update(id, olds, news);
  }

  delete(id: string, props: object) {
    return require("@modelcar/tekton-run/provider")(this.conventions).remove(id, props);
  }
}

/** Pulumi serialises a provider only once if it is the same object. */
const shims = new Map<string, Shim>();

function shimOf(conventions: Partial<Conventions>): Shim {
  const text = JSON.stringify({ ...defaults, ...conventions });
  const made = shims.get(text) ?? new Shim(text);
  shims.set(text, made);
  return made;
}

/**
 * A spec whose params may be Outputs, so that a preview names the unknown ones. In a spec that is an Output as a whole, changes
 * cannot be named.
 */
type LaterSpec = Omit<RunSpec, "params"> & {
  readonly params?: readonly {
    readonly name: string;
    readonly value: pulumi.Input<string | readonly string[]>;
  }[];
};

/**
 * {@link RunInputs} as Inputs; the expected results are the names of the resource's results. A kubeconfig is encrypted in the
 * state.
 */
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
 * A Tekton PipelineRun that has succeeded. Changed inputs start a new run, whose results replace the old ones; unchanged inputs
 * do not. A failed run fails the resource, with the step's last log lines, and the next `up` tries again.
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
  /** How to read the whole log: a page of the console, or a kubectl command. */
  declare readonly logs: pulumi.Output<string>;

  /** `conventions` are those of all runs of a program; they are no inputs, so a change does not start a run. */
  constructor(
    name: string,
    args: PipelineRunArgs<Result>,
    opts?: pulumi.CustomResourceOptions,
    conventions: Partial<Conventions> = {},
  ) {
    const { access, options } = secretAccess(args.kubeconfig, opts);
    const inputs = { ...args, ...access, ...outputs };
    super(shimOf(conventions), name, inputs, options, "tekton", "PipelineRun");
  }
}
