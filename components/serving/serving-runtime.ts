import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { servingRuntime } from "./runtime-manifest.ts";
import type { RuntimeSpec } from "./vllm.ts";

/** KServe's runtime for all models with one vLLM build. */
export class ServingRuntime extends pulumi.ComponentResource {
  constructor(name: string, args: RuntimeSpec, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:serving:ServingRuntime", name, {}, inheritedDependsOn(opts));
    const manifest = servingRuntime(args);
    new k8s.apiextensions.CustomResource(name, manifest, { parent: this });
    this.registerOutputs({ runtime: args.name });
  }
}

/** The runtimes that the stack's models share. */
export class ServingRuntimes extends pulumi.ComponentResource {
  readonly #made = new Map<string, ServingRuntime>();

  constructor(name: string, args: readonly RuntimeSpec[], opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:serving:ServingRuntimes", name, {}, inheritedDependsOn(opts));
    for (const [index, runtime] of args.entries()) {
      // There was once a single runtime without parent; the alias keeps it the same resource.
      const aliases = index === 0 ? [{ name: "serving-runtime", parent: pulumi.rootStackResource }] : [];
      this.#made.set(runtime.name, new ServingRuntime(runtime.name, runtime, { parent: this, aliases }));
    }
    this.registerOutputs({});
  }

  /** The ServingRuntime by its name; undefined if no model with mode kserve uses it. */
  of({ name }: Pick<RuntimeSpec, "name">): ServingRuntime | undefined {
    return this.#made.get(name);
  }
}
