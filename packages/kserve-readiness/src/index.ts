import { secretAccess } from "@modelcar/kubernetes/secret-access";
import * as pulumi from "@pulumi/pulumi";
import type { Conventions } from "./conventions.ts";
import type { ReadinessInputs } from "./provider.ts";

export type { Conventions } from "./conventions.ts";
export type { Expected } from "./rollout.ts";

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
    return require("@modelcar/kserve-readiness/provider")(this.conventions).configure(request);
  }

  check(olds: object, news: object) {
    return require("@modelcar/kserve-readiness/provider")(this.conventions).check(olds, news);
  }

  diff(id: string, olds: object, news: object) {
    return require("@modelcar/kserve-readiness/provider")(this.conventions).diff(id, olds, news);
  }

  create(inputs: object) {
    return require("@modelcar/kserve-readiness/provider")(this.conventions).create(inputs);
  }

  read(id: string, props: object) {
    return require("@modelcar/kserve-readiness/provider")(this.conventions).read(id, props);
  }

  update(id: string, olds: object, news: object) {
    return require("@modelcar/kserve-readiness/provider")(this.conventions).update(id, olds, news);
  }
}

/** Pulumi serialises a provider only once if it is the same object. */
const shims = new Map<string, Shim>();

function shimOf(conventions: Conventions): Shim {
  const text = JSON.stringify(conventions);
  const made = shims.get(text) ?? new Shim(text);
  shims.set(text, made);
  return made;
}

/** {@link ReadinessInputs} as Inputs. A kubeconfig is encrypted in the state. */
export type ReadinessArgs = {
  readonly [K in keyof Omit<ReadinessInputs, "__provider">]: pulumi.Input<ReadinessInputs[K]>;
};

/**
 * A model that answers: only its newest pods are available, and one of them has completed a prompt. Waits again when the
 * declaration changes, and after a refresh that finds no serving pod; fails with the pod's reason if the model cannot start.
 */
export class Readiness extends pulumi.dynamic.Resource {
  /** URL of the model inside the cluster. */
  declare readonly url: pulumi.Output<string>;
  /** URL outside the cluster, if KServe exposes the model (label networking.kserve.io/visibility=exposed). */
  declare readonly externalUrl: pulumi.Output<string | undefined>;

  /** `conventions` are those of all models of a program; they are no inputs, so a change does not start a wait. */
  constructor(
    name: string,
    args: ReadinessArgs,
    opts?: pulumi.CustomResourceOptions,
    conventions: Conventions = {},
  ) {
    const { access, options } = secretAccess(args.kubeconfig, opts);
    const inputs = { ...args, ...access, url: undefined, externalUrl: undefined };
    super(shimOf(conventions), name, inputs, options, "kserve", "Readiness");
  }
}
