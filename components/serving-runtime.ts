import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { digestOf } from "./digest.ts";
import { type RuntimeSpec, servingRuntime } from "./manifests/kserve.ts";

/** The vLLM runtime that all models share. */
export class ServingRuntime extends pulumi.ComponentResource {
  /** Name that InferenceServices refer to. */
  readonly runtime: string;
  readonly image: string;
  /** Changes when models must be rolled out anew. */
  readonly revision: string;

  constructor(name: string, args: RuntimeSpec, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:serving:ServingRuntime", name, {}, opts);
    const manifest = servingRuntime(args);
    new k8s.apiextensions.CustomResource(name, manifest, { parent: this, dependsOn: opts?.dependsOn ?? [] });
    this.runtime = args.name;
    this.image = args.image;
    this.revision = digestOf(manifest.spec);
    this.registerOutputs({ runtime: this.runtime });
  }
}
