import * as pulumi from "@pulumi/pulumi";
import type { ReadinessInputs } from "./provider.ts";

/** Only `require` and parameters inside: this text is what state holds. Paths start at the directory of Pulumi.yaml. */
const provider: pulumi.dynamic.ResourceProvider = {
  configure: (request) => require("./components/dynamic.cjs")("readiness").configure(request),
  diff: (id, olds, news) => require("./components/dynamic.cjs")("readiness").diff(id, olds, news),
  create: (inputs) => require("./components/dynamic.cjs")("readiness").create(inputs),
  read: (id, props) => require("./components/dynamic.cjs")("readiness").read(id, props),
  update: (id, olds, news) => require("./components/dynamic.cjs")("readiness").update(id, olds, news),
};

/** What {@link ReadinessInputs} says, as Outputs. */
export type ReadinessArgs = {
  readonly [K in keyof Omit<ReadinessInputs, "__provider">]: pulumi.Input<ReadinessInputs[K]>;
};

/**
 * A model that answers: its newest pods, and only they, are available, and one of them has completed a prompt. Waits again
 * when what was declared changes, and when a refresh finds that no pod serves it; fails with the pod's reason when it
 * cannot come up.
 */
export class Readiness extends pulumi.dynamic.Resource {
  /** URL of the model inside the cluster. */
  declare readonly url: pulumi.Output<string>;
  /** URL outside the cluster, where KServe itself exposes the model (label networking.kserve.io/visibility=exposed). */
  declare readonly externalUrl: pulumi.Output<string | undefined>;

  constructor(name: string, args: ReadinessArgs, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { ...args, url: undefined, externalUrl: undefined }, opts, "kserve", "Readiness");
  }
}
