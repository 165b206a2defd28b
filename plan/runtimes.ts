/** The vLLM builds that a stack's models share: one for models on GPUs, one for the others. */
import type { Config, Model } from "../config/config.ts";

type RuntimeName = keyof Config["servingRuntimes"];
type Runtimes = Pick<Config, "namespace" | "servingRuntimes" | "images">;

/** The runtime of a model. */
export function runtimeOf({ serve }: Pick<Model, "serve">, config: Runtimes) {
  return runtime(serve.gpus > 0 ? "vllm-cuda" : "vllm-cpu", config);
}

/** The runtimes of all models with mode kserve. */
export function runtimesOf(config: Runtimes & Pick<Config, "models">) {
  const byKServe = config.models.filter(({ serve }) => serve.mode === "kserve");
  const names = new Set(byKServe.map((model) => runtimeOf(model, config).name));
  return [...names].map((name) => runtime(name, config));
}

function runtime(name: RuntimeName, { namespace, servingRuntimes, images }: Runtimes) {
  return { ...servingRuntimes[name], name, namespace, image: images[name] ?? "" };
}

/** How long a new pod may take until its model answers: as long to fetch the model as to load it. */
export function secondsToServe({ startupMinutes }: { readonly startupMinutes: number }): number {
  return 2 * 60 * startupMinutes;
}
