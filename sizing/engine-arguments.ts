/** What vLLM's arguments say about memory, besides those that config keys decide. */

export interface EngineArguments {
  readonly maxNumBatchedTokens?: number;
  readonly enforceEager: boolean;
  /** Bits of one KV cache element, where --kv-cache-dtype names a type. */
  readonly keyValueBits?: number;
  /** Arguments that change memory in a way that sizing does not know. */
  readonly unknown: readonly string[];
}

/** Flags with their short forms: with one of these, what sizing says about memory is a guess. */
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
 * Reads arguments in vLLM's forms: `--flag=value`, `--flag value`, underscores for hyphens; the last one counts. Arguments
 * that vLLM itself would refuse are left to it.
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

/** Of a name such as fp8_e4m3, bfloat16 or nvfp4; undefined for `auto` and names without a number. */
function bitsOf(dtype: string | undefined): number | undefined {
  const bits = Number(/(?:float|fp|int)(\d+)/.exec(dtype ?? "")?.[1]);
  return bits > 0 ? bits : undefined;
}
