import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { servingRuntime } from "./manifests/serving-runtime.ts";
import type { RuntimeSpec } from "./manifests/vllm.ts";

/** KServe's runtime for all models on one build of vLLM. */
export class ServingRuntime extends pulumi.ComponentResource {
  /** Name that InferenceServices refer to. */
  readonly runtime: string;

  constructor(name: string, args: RuntimeSpec, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:serving:ServingRuntime", name, {}, opts);
    const manifest = servingRuntime(args);
    new k8s.apiextensions.CustomResource(name, manifest, { parent: this, dependsOn: opts?.dependsOn ?? [] });
    this.runtime = args.name;
    this.registerOutputs({ runtime: this.runtime });
  }
}
