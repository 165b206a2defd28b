import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Config, Model } from "../config.ts";
import { inheritedDependsOn } from "./inherited-depends-on.ts";
import { servingRuntime } from "./manifests/serving-runtime.ts";
import type { RuntimeSpec } from "./manifests/vllm.ts";

/** KServe's runtime for all models on one build of vLLM. */
export class ServingRuntime extends pulumi.ComponentResource {
  /** Name that InferenceServices refer to. */
  readonly runtime: string;

  constructor(name: string, args: RuntimeSpec, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:serving:ServingRuntime", name, {}, inheritedDependsOn(opts));
    const manifest = servingRuntime(args);
    new k8s.apiextensions.CustomResource(name, manifest, { parent: this });
    this.runtime = args.name;
    this.registerOutputs({ runtime: this.runtime });
  }
}

type RuntimeName = RuntimeSpec["name"];

/** The runtimes that the stack's models share: one for those on GPUs, one for the others. */
export class ServingRuntimes extends pulumi.ComponentResource {
  readonly #args: ServingRuntimesArgs;
  readonly #made = new Map<RuntimeName, ServingRuntime>();

  constructor(name: string, args: ServingRuntimesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:serving:ServingRuntimes", name, {}, inheritedDependsOn(opts));
    this.#args = args;
    // A cluster without KServe has no use for the others.
    const byKServe = args.models.filter(({ serve }) => serve.mode === "kserve");
    for (const runtimeName of new Set(byKServe.map(runtimeOf))) {
      // There was one runtime for all models once, a component of its own; it stays the same resource.
      const first = this.#made.size === 0;
      const made = new ServingRuntime(runtimeName, this.#spec(runtimeName), {
        parent: this,
        aliases: first ? [{ name: "serving-runtime", parent: pulumi.rootStackResource }] : [],
      });
      this.#made.set(runtimeName, made);
    }
    this.registerOutputs({});
  }

  /** What a model is served by. */
  of(model: Pick<Model, "serve">) {
    const runtimeName = runtimeOf(model);
    return { runtime: this.#spec(runtimeName), servingRuntime: this.#made.get(runtimeName) };
  }

  #spec(name: RuntimeName): RuntimeSpec {
    const { namespace, servingRuntimes, images } = this.#args;
    return { ...servingRuntimes[name], name, namespace, image: images[name] ?? "" };
  }
}

type ServingRuntimesArgs = Pick<Config, "namespace" | "servingRuntimes" | "images" | "models">;

const runtimeOf = ({ serve }: Pick<Model, "serve">): RuntimeName =>
  serve.gpus > 0 ? "vllm-cuda" : "vllm-cpu";
