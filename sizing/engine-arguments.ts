/** The vLLM arguments that affect memory, besides those that config keys set. */

export interface EngineArguments {
  readonly maxNumBatchedTokens?: number;
  readonly enforceEager: boolean;
  /** Bits of one KV cache element, if --kv-cache-dtype names a type. */
  readonly keyValueBits?: number;
  /** Arguments that affect memory in a way that sizing does not model. */
  readonly unknown: readonly string[];
}

/** Flags, with their short forms, that make sizing's memory estimate a guess. */
const notModelled = [
  ["--kv-cache-memory-bytes"],
  ["--num-gpu-blocks-override"],
  ["--pipeline-parallel-size", "-pp"],
  ["--data-parallel-size", "-dp"],
  ["--decode-context-parallel-size", "-dcp"],
  ["--cpu-offload-gb"],
  ["--quantization", "-q"],
  ["--speculative-config"],
  ["--enable-lora"],
  ["--compilation-config", "-O"],
  ["--hf-overrides"],
];

/**
 * Parses vLLM's arguments: `--flag=value`, `--flag value`, underscores for hyphens; the last one counts. Invalid arguments are
 * left for vLLM to refuse.
 */
export function engineArguments(args: readonly string[]): EngineArguments {
  const given = new Map<string, string>();
  for (const [index, argument] of args.entries()) {
    if (!argument.startsWith("-")) continue;
    const [flag = "", ...value] = argument.split("=");
    const next = args[index + 1];
    const following = next?.startsWith("-") ? undefined : next;
    given.set(flag.replaceAll("_", "-"), value.length > 0 ? value.join("=") : (following ?? ""));
  }
  const tokens = Number(given.get("--max-num-batched-tokens"));
  const keyValueBits = bitsOf(given.get("--kv-cache-dtype"));
  return {
    ...(Number.isInteger(tokens) && tokens > 0 ? { maxNumBatchedTokens: tokens } : {}),
    ...(keyValueBits ? { keyValueBits } : {}),
    enforceEager: given.has("--enforce-eager") && given.get("--enforce-eager") !== "False",
    unknown: notModelled.flatMap((forms) => (forms.some((form) => given.has(form)) ? forms.slice(0, 1) : [])),
  };
}

/** Bits of a type such as fp8_e4m3, bfloat16 or nvfp4; undefined for `auto` and names without a number. */
function bitsOf(dtype: string | undefined): number | undefined {
  const bits = Number(/(?:float|fp|int)(\d+)/.exec(dtype ?? "")?.[1]);
  return bits > 0 ? bits : undefined;
}
