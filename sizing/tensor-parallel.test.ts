import fc from "fast-check";
import { expect, test } from "vitest";
import { tensorParallelProblems, tensorParallelSizes } from "./tensor-parallel.ts";

const mistral24b = { attentionHeads: 32, keyValueHeads: 8, hiddenSize: 5120, vocabularySize: 131_072 };

test.each([
  [mistral24b, 64, [1, 2, 4, 8, 16, 32]],
  [{ attentionHeads: 28, keyValueHeads: 4, hiddenSize: 3584, vocabularySize: 152_064 }, 8, [1, 2, 4]],
  // Five divides the 40 heads of Qwen 3 14B, but neither its KV heads nor its vocabulary; vLLM refuses it.
  [{ attentionHeads: 40, keyValueHeads: 8, hiddenSize: 5120, vocabularySize: 151_936 }, 8, [1, 2, 4, 8]],
])("sizes that work", (shape, largest, sizes) => {
  expect(tensorParallelSizes(shape, largest)).toEqual(sizes);
});

test("each reason is one text", () => {
  expect(tensorParallelProblems(mistral24b, 4)).toEqual([]);
  expect(tensorParallelProblems(mistral24b, 3)).toEqual([
    "32 attention heads cannot be distributed evenly over 3 GPUs",
    "8 KV heads cannot be distributed evenly over 3 GPUs",
    "5120 as hidden size cannot be distributed evenly over 3 GPUs",
    "131072 as padded vocabulary size cannot be distributed evenly over 3 GPUs",
  ]);
  expect(tensorParallelProblems({ attentionHeads: 24, keyValueHeads: 2, hiddenSize: 3072 }, 3)).toEqual([
    "2 KV heads cannot be copied evenly to 3 GPUs",
  ]);
});

test("a vocabulary counts as vLLM pads it", () => {
  const shape = { attentionHeads: 32, keyValueHeads: 8, hiddenSize: 4096 };
  expect(tensorParallelProblems({ ...shape, vocabularySize: 49_155 }, 8)).toEqual([]);
});

test("one GPU always works, and more only if the heads are whole on each", () => {
  const shapes = fc.record({
    attentionHeads: fc.integer({ min: 1, max: 128 }),
    keyValueHeads: fc.integer({ min: 1, max: 128 }),
    hiddenSize: fc.integer({ min: 1, max: 16_384 }),
  });
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 64 }), (shape, gpus) => {
      expect(tensorParallelProblems(shape, 1)).toEqual([]);
      if (tensorParallelProblems(shape, gpus).length > 0) return;
      expect(shape.attentionHeads % gpus).toBe(0);
      const [most, least] = [Math.max(shape.keyValueHeads, gpus), Math.min(shape.keyValueHeads, gpus)];
      expect(most % least).toBe(0);
    }),
  );
});
