/** How the keys of a model's `serve` become arguments of vLLM. */
import { type Count, isAbove } from "../rules/given.ts";
import type { Model } from "./schema.ts";

/**
 * What `serve` says of the server itself: its container, but neither what runs it nor who reaches it. `N` is number, or
 * {@link Count} for a run outside Pulumi.
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
  /** Under `serve`; without a value the argument is left to vLLM. */
  readonly key: keyof ServeSpec;
  /** Default: whenever the key has a value. */
  readonly when?: (serve: ServeSpec<Count>) => boolean;
}

/** In the order of the command line. All GPUs of a model work on each layer together. */
const decidedArguments: readonly DecidedArgument[] = [
  { flag: "--max-model-len", key: "maxModelLen" },
  { flag: "--gpu-memory-utilization", key: "gpuMemoryUtilization", when: ({ gpus }) => isAbove(gpus, 0) },
  { flag: "--tensor-parallel-size", key: "gpus", when: ({ gpus }) => isAbove(gpus, 1) },
  { flag: "--max-num-seqs", key: "maxNumSeqs" },
];

/** What a model adds to the server's arguments; its own `vllmArgs` come last. */
export function modelArgs(serve: ServeSpec<Count>): string[] {
  const decided = decidedArguments.flatMap(({ flag, key, when = () => true }) =>
    serve[key] === undefined || !when(serve) ? [] : [`${flag}=${serve[key]}`],
  );
  return [...decided, ...serve.vllmArgs];
}

/** Arguments that config may not give, with the key that decides each. */
export const refusedArguments: Readonly<Record<string, string>> = {
  ...Object.fromEntries(decidedArguments.map(({ flag, key }) => [flag, `serve.${key}`])),
  "--model": "source",
  "--served-model-name": "name",
  "--port": "nothing: the port is fixed",
  "--api-key": "serve.auth",
};
