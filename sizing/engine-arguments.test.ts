import { expect, test } from "vitest";
import { engineArguments } from "./engine-arguments.ts";

const nothing = { enforceEager: false, unknown: [] };

test.each([
  [[], nothing],
  [["--enforce-eager"], { ...nothing, enforceEager: true }],
  [["--enforce_eager", "--max-num-seqs=8"], { ...nothing, enforceEager: true }],
  [["--max-num-batched-tokens=4096"], { ...nothing, maxNumBatchedTokens: 4096 }],
  [["--max_num_batched_tokens", "512"], { ...nothing, maxNumBatchedTokens: 512 }],
  [
    ["--max-num-batched-tokens=8192", "--max-num-batched-tokens=1024"],
    { ...nothing, maxNumBatchedTokens: 1024 },
  ],
  [["--max-num-batched-tokens=many"], nothing],
  [["--kv-cache-dtype=auto"], nothing],
  [["--kv-cache-dtype=fp8_e4m3"], { ...nothing, keyValueBits: 8 }],
  [["--kv-cache-dtype", "bfloat16"], { ...nothing, keyValueBits: 16 }],
  [["--kv-cache-dtype=nvfp4"], { ...nothing, keyValueBits: 4 }],
  [
    ["--cpu-offload-gb=8", "-pp", "2"],
    { ...nothing, unknown: ["--pipeline-parallel-size", "--cpu-offload-gb"] },
  ],
])("%j", (args, expected) => {
  expect(engineArguments(args)).toEqual(expected);
});
