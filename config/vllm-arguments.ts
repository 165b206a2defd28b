/** vLLM's arguments for the keys of a model's `serve`. */
import { type Count, isAbove } from "../rules/given.ts";
import type { Model } from "./schema.ts";

/**
 * The keys of `serve` for the server's container. `N` is number, or {@link Count} for a run outside Pulumi.
 */
export type ServeSpec<N extends Count = number> = Omit<
  Model["serve"],
  | "auth"
  | "autoscaling"
  | "cache"
  | "exposed"
  | "gpus"
  | "hourlyUsd"
  | "maxModelLen"
  | "mode"
  | "replicas"
  | "rollout"
  | "stopped"
> & { readonly gpus: N; readonly maxModelLen: N };

interface DecidedArgument {
  readonly flag: string;
  /** Key under `serve`; without a value vLLM uses its default. */
  readonly key: keyof ServeSpec;
  /** Default: always. */
  readonly when?: (serve: ServeSpec<Count>) => boolean;
}

/** In the order of the command line. All GPUs of a model share each layer. */
const decidedArguments: readonly DecidedArgument[] = [
  { flag: "--max-model-len", key: "maxModelLen" },
  { flag: "--gpu-memory-utilization", key: "gpuMemoryUtilization", when: ({ gpus }) => isAbove(gpus, 0) },
  { flag: "--tensor-parallel-size", key: "gpus", when: ({ gpus }) => isAbove(gpus, 1) },
  { flag: "--max-num-seqs", key: "maxNumSeqs" },
];

/** A model's arguments for the server; its `vllmArgs` come last. */
export function modelArgs(serve: ServeSpec<Count>): string[] {
  const decided = decidedArguments.flatMap(({ flag, key, when = () => true }) =>
    serve[key] === undefined || !when(serve) ? [] : [`${flag}=${serve[key]}`],
  );
  return [...decided, ...serve.vllmArgs];
}

/** Arguments that config must not contain, with the key to set instead. */
export const refusedArguments: Readonly<Record<string, string>> = {
  ...Object.fromEntries(decidedArguments.map(({ flag, key }) => [flag, `serve.${key}`])),
  "--model": "source",
  "--served-model-name": "name",
  "--port": "the program",
  "--api-key": "serve.auth",
};
