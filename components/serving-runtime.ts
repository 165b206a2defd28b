import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Config, Model } from "../config.ts";
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

type RuntimeName = RuntimeSpec["name"];

/** The runtimes that the stack's models share: one for those on GPUs, one for the others. */
export class ServingRuntimes extends pulumi.ComponentResource {
  readonly #made = new Map<RuntimeName, { runtime: RuntimeSpec; servingRuntime: ServingRuntime }>();

  constructor(
    name: string,
    args: Pick<Config, "namespace" | "servingRuntimes" | "images" | "models">,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("modelcar:serving:ServingRuntimes", name, {}, opts);
    const { namespace, servingRuntimes, images, models } = args;
    for (const runtimeName of new Set(models.map(runtimeOf))) {
      const runtime = {
        ...servingRuntimes[runtimeName],
        name: runtimeName,
        namespace,
        image: images[runtimeName] ?? "",
      };
      // There was one runtime for all models once, a component of its own; it stays the same resource.
      const first = this.#made.size === 0;
      const servingRuntime = new ServingRuntime(runtimeName, runtime, {
        parent: this,
        dependsOn: opts?.dependsOn ?? [],
        aliases: first ? [{ name: "serving-runtime", parent: pulumi.rootStackResource }] : [],
      });
      this.#made.set(runtimeName, { runtime, servingRuntime });
    }
    this.registerOutputs({});
  }

  /** What a model is served by. */
  of(model: Model): { readonly runtime: RuntimeSpec; readonly servingRuntime: ServingRuntime } {
    const made = this.#made.get(runtimeOf(model));
    if (!made) throw new Error(`model ${model.name} is none of the stack's`);
    return made;
  }
}

const runtimeOf = ({ serve }: Pick<Model, "serve">): RuntimeName =>
  serve.gpus > 0 ? "vllm-cuda" : "vllm-cpu";
