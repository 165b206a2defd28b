import fc from "fast-check";
import { expect, test } from "vitest";
import { activationBytes, graphBytes, outsidePyTorchBytes, schedulerLimits } from "./overhead.ts";

const gib = 2 ** 30;
const mib = 2 ** 20;

test("vLLM's own limits by the GPU's memory", () => {
  const limits = (memory: number) => Object.values(schedulerLimits(memory * gib, 4096, {}));
  expect(limits(22)).toEqual([256, 2048]);
  expect(limits(79)).toEqual([1024, 8192]);
  expect(limits(180)).toEqual([1024, 16_384]);
});

test("given limits are used, and a step has no more sequences than tokens", () => {
  expect(schedulerLimits(22 * gib, 4096, { maxNumSeqs: 16 })).toEqual({
    maxNumSeqs: 16,
    maxNumBatchedTokens: 2048,
  });
  expect(schedulerLimits(22 * gib, 4096, { maxNumBatchedTokens: 100 })).toEqual({
    maxNumSeqs: 100,
    maxNumBatchedTokens: 100,
  });
  expect(schedulerLimits(22 * gib, 64, { maxNumSeqs: 2 }).maxNumBatchedTokens).toBe(128);
});

// Peak activation memory in GiB as vLLM 0.19 measured it on H100, from the accuracy report of llm-d-incubation/llm-d-planner.
test.each([
  ["CodeLlama 7B", 4096, 11_008, 32_000, 0.77],
  ["Granite 3.1 8B", 4096, 12_800, 49_155, 0.85],
  ["Granite 3.1 2B", 2048, 8192, 49_155, 0.75],
  ["Phi-4", 5120, 17_920, 100_352, 1.52],
  ["Llama 3.1 8B", 4096, 14_336, 128_256, 1.89],
  ["Mistral Small 3.1 24B", 5120, 32_768, 131_072, 2.03],
  ["Qwen 3 14B", 5120, 17_408, 151_936, 2.23],
  ["Gemma 2 27B", 4608, 36_864, 256_000, 3.66],
])("activations of %s", (_name, hiddenSize, intermediateSize, vocabularySize, measured) => {
  const limits = schedulerLimits(79 * gib, 8192, {});
  const bytes = activationBytes({ hiddenSize, intermediateSize, vocabularySize }, 1, limits);
  expect(bytes / gib / measured).toBeGreaterThan(0.98);
  expect(bytes / gib / measured).toBeLessThan(1.08);
});

test("CUDA graphs: as many sizes as vLLM captures by its log", () => {
  // vLLM logs "Profiling CUDA graph memory: PIECEWISE=51 (largest=512)" with its defaults.
  const sizes = (maxNumSeqs: number) => graphBytes({ maxNumSeqs, maxNumBatchedTokens: 2048 }) / (24 * mib);
  expect([1, 2, 16, 128, 256, 1024].map(sizes)).toEqual([2, 3, 7, 35, 51, 51]);
});

test("several GPUs need buffers for all-reduce", () => {
  expect(outsidePyTorchBytes(1)).toBeLessThan(outsidePyTorchBytes(2));
  expect(outsidePyTorchBytes(2)).toBe(outsidePyTorchBytes(8));
});

test("more sequences, tokens or vocabulary never take less", () => {
  const size = fc.integer({ min: 1, max: 100_000 });
  fc.assert(
    fc.property(size, size, size, size, size, (hiddenSize, intermediateSize, vocabularySize, a, b) => {
      const bytes = (maxNumSeqs: number, vocabulary: number) =>
        activationBytes({ hiddenSize, intermediateSize, vocabularySize: vocabulary }, 2, {
          maxNumSeqs,
          maxNumBatchedTokens: maxNumSeqs,
        });
      expect(bytes(a + b, vocabularySize)).toBeGreaterThan(bytes(a, vocabularySize));
      expect(bytes(a, vocabularySize + b)).toBeGreaterThanOrEqual(bytes(a, vocabularySize));
      const graphs = (maxNumSeqs: number) => graphBytes({ maxNumSeqs, maxNumBatchedTokens: 8192 });
      expect(graphs(a + b)).toBeGreaterThanOrEqual(graphs(a));
    }),
  );
});
