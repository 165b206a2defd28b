import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Architecture,
  keyValueBytesPerToken,
  layerSizes,
  type MemoryDemand,
  memoryFit,
  usableMemory,
  weightBytes,
} from "./memory.ts";
import { activationBytes, schedulerLimits } from "./overhead.ts";

const gib = 2 ** 30;
const mib = 2 ** 20;
const bf16 = { bitsPerWeight: 16, keyValueBits: 16, headDimension: 128 };

/** Figures of the models' config.json and safetensors headers. */
const mistral24b: Architecture = {
  ...bf16,
  parameters: 23_572_403_200,
  layers: 40,
  hiddenSize: 5120,
  attentionHeads: 32,
  keyValueHeads: 8,
  vocabularySize: 131_072,
};
const codeLlama34b: Architecture = {
  ...bf16,
  parameters: 33_743_970_304,
  layers: 48,
  hiddenSize: 8192,
  attentionHeads: 64,
  keyValueHeads: 8,
  vocabularySize: 32_000,
};
const llama8b: Architecture = {
  ...bf16,
  parameters: 8_030_261_248,
  layers: 32,
  hiddenSize: 4096,
  attentionHeads: 32,
  keyValueHeads: 8,
  vocabularySize: 128_256,
};
const qwen7b: Architecture = {
  ...bf16,
  parameters: 7_615_616_512,
  layers: 28,
  hiddenSize: 3584,
  attentionHeads: 28,
  keyValueHeads: 4,
  vocabularySize: 152_064,
};
const w4a16 = (architecture: Architecture): Architecture => ({ ...architecture, bitsPerWeight: 4 });

/** As nvidia-smi reports them. */
const l4 = 23_034 * mib;
const l40s = 46_068 * mib;
const h100 = 81_559 * mib;

const fitOn = (acceleratorMemory: number, architecture: Architecture, more: Partial<MemoryDemand> = {}) =>
  memoryFit({
    architecture,
    gpus: 1,
    acceleratorMemory,
    gpuMemoryUtilization: 0.9,
    maxModelLen: 8192,
    ...more,
  });

describe("the models of the requirements", () => {
  test("Mistral Small 24B quantized takes about 14 GB and fits one L4 at 8192 tokens", () => {
    expect(weightBytes(w4a16(mistral24b)) / 1e9).toBeCloseTo(14.4, 1);
    const fit = fitOn(l4, w4a16(mistral24b));
    expect(fit.fits).toBe(true);
    expect(fit.keyValueCache).toBe(8192 * 163_840);
    expect(fit.concurrency).toBeGreaterThan(3);
  });

  test("Mistral Small 24B in full needs four L4", () => {
    expect(weightBytes(mistral24b) / 1e9).toBeCloseTo(47.6, 1);
    const fits = (gpus: number) => fitOn(l4, mistral24b, { gpus, maxModelLen: 16_384 }).fits;
    expect([1, 2, 4].map(fits)).toEqual([false, false, true]);
    expect(fitOn(l4, mistral24b).largestMaxModelLen).toBe(0);
  });

  test("CodeLlama 34B has 67.5 GB in full and 17 GiB in 4 bits, which fits one L40S", () => {
    expect((codeLlama34b.parameters * 2) / 1e9).toBeCloseTo(67.5, 1);
    expect(weightBytes(w4a16(codeLlama34b)) / gib).toBeCloseTo(17.2, 1);
    const fits = (architecture: Architecture, gpus: number) =>
      fitOn(l40s, architecture, { gpus, maxModelLen: 16_000 }).fits;
    expect(fits(w4a16(codeLlama34b), 1)).toBe(true);
    expect([1, 2, 4].map((gpus) => fits(codeLlama34b, gpus))).toEqual([false, true, true]);
  });
});

// Accuracy report of llm-d-incubation/llm-d-planner: vLLM 0.19 on H100, utilization 0.95, 8192 tokens, sizes in GiB on one GPU.
const onH100 = (architecture: Architecture, gpus: number) =>
  fitOn(h100, architecture, { gpus, gpuMemoryUtilization: 0.95 });
const off = (estimate: number, measured: number) => estimate / measured - 1;

test.each([
  ["Llama 3.1 8B", 1, llama8b, 14.99, 1.89],
  ["Llama 3.1 8B", 2, llama8b, 7.51, 1.89],
  ["Llama 3.1 8B", 4, llama8b, 3.77, 1.89],
  ["Qwen 2.5 7B", 1, qwen7b, 14.25, 2.21],
  ["Qwen 2.5 7B", 2, qwen7b, 7.12, 2.21],
  ["Qwen 2.5 7B", 4, qwen7b, 3.55, 2.21],
])(
  "weights and activations of %s on %d H100 as measured",
  (_name, gpus, architecture, weights, activations) => {
    const fit = onH100(architecture, gpus);
    expect(Math.abs(off(fit.weights / gib, weights))).toBeLessThan(0.012);
    const limits = schedulerLimits(fit.usable, 8192, {});
    const bytes = activationBytes(layerSizes(architecture), gpus, limits);
    expect(Math.abs(off(bytes / gib, activations))).toBeLessThan(0.06);
  },
);

test.each([
  ["Llama 3.1 8B", llama8b, 58.11, 476_000],
  ["Qwen 2.5 7B", qwen7b, 58.53, 1_096_000],
])(
  "KV cache of %s on an H100: never more than measured, and not much less",
  (_name, architecture, pool, tokens) => {
    const fit = onH100(architecture, 1);
    const estimate = off((fit.budget - fit.weights - fit.overhead) / gib, pool);
    expect(estimate).toBeLessThan(0);
    expect(estimate).toBeGreaterThan(-0.08);
    expect(Math.abs(off((pool * gib) / keyValueBytesPerToken(architecture, 1), tokens))).toBeLessThan(0.001);
  },
);

test("memory that CUDA sees is never overestimated", () => {
  // Driver's figure in MiB, CUDA's in GiB: L4, L40S, H100, and the L4 of the data sheet.
  const known = [
    [l4, 22.03],
    [l40s, 44.42],
    [h100, 79.19],
    [24 * gib, 22.03],
  ] as const;
  for (const [driver, cuda] of known) {
    expect(usableMemory(driver) / gib).toBeLessThan(cuda);
    expect(usableMemory(driver) / gib).toBeGreaterThan(cuda * 0.98);
  }
});

test("the MLP's size is derived from the parameters, and limited to the maximum of dense models", () => {
  expect(layerSizes(mistral24b).intermediateSize).toBeCloseTo(32_768, -2);
  expect(layerSizes(llama8b).intermediateSize).toBeCloseTo(14_336, -2);
  expect(layerSizes(qwen7b).intermediateSize).toBeCloseTo(18_944, -2);
  expect(layerSizes({ ...llama8b, parameters: 1e12 }).intermediateSize).toBe(8 * 4096);
});

test("quantized weights: embeddings stay at 16 bits, shared ones count once, 8 bits have no groups", () => {
  const plain = (bits: number, linear: number, kept: number) => 1.01 * ((linear * bits) / 8 + kept * 2);
  const kept = 2 * 131_072 * 5120;
  const linear = mistral24b.parameters - kept;
  expect(weightBytes({ ...mistral24b, bitsPerWeight: 8 })).toBeCloseTo(plain(8, linear, kept), -2);
  expect(weightBytes(w4a16(mistral24b))).toBeCloseTo(plain(4 + 20 / 128, linear, kept), -2);
  const tied = weightBytes({ ...w4a16(mistral24b), tieWordEmbeddings: true });
  expect(tied).toBeCloseTo(plain(4 + 20 / 128, linear + kept / 2, kept / 2), -2);
});

test("without a vocabulary a large one is assumed", () => {
  const { vocabularySize: _, ...unknown } = w4a16(codeLlama34b);
  expect(weightBytes(unknown)).toBeGreaterThan(weightBytes(w4a16(codeLlama34b)));
});

test("without CUDA graphs their memory is left for the KV cache", () => {
  const [graphs, eager] = [false, true].map((enforceEager) => fitOn(l4, w4a16(mistral24b), { enforceEager }));
  expect((eager?.left ?? 0) - (graphs?.left ?? 0)).toBe(51 * 24 * mib);
});

test("one block of the pool is reserved by vLLM", () => {
  const fit = fitOn(l4, w4a16(mistral24b));
  const tokens = (fit.budget - fit.weights - fit.overhead) / 163_840;
  expect(fit.largestMaxModelLen).toBe(Math.floor(tokens / 16) * 16 - 16);
  expect(fit.concurrency).toBe((Math.floor(tokens / 16) * 16) / 8192);
});

test("KV heads are copied where there are more GPUs than heads", () => {
  expect([1, 2, 8, 16].map((gpus) => keyValueBytesPerToken(mistral24b, gpus))).toEqual([
    163_840, 81_920, 20_480, 20_480,
  ]);
  expect(keyValueBytesPerToken({ ...mistral24b, keyValueBits: 8 }, 1)).toBe(81_920);
});

const demands = fc.record({
  architecture: fc.record({
    parameters: fc.integer({ min: 1e8, max: 2e11 }),
    bitsPerWeight: fc.constantFrom(4, 8, 16),
    layers: fc.integer({ min: 1, max: 120 }),
    hiddenSize: fc.integer({ min: 64, max: 16_384 }),
    attentionHeads: fc.integer({ min: 1, max: 128 }),
    keyValueHeads: fc.integer({ min: 1, max: 32 }),
    headDimension: fc.constantFrom(64, 128, 256),
    keyValueBits: fc.constantFrom(8, 16),
    vocabularySize: fc.option(fc.integer({ min: 1000, max: 262_144 }), { nil: undefined }),
  }),
  gpus: fc.constantFrom(1, 2, 4, 8),
  acceleratorMemory: fc.integer({ min: 8 * 2 ** 30, max: 192 * 2 ** 30 }),
  gpuMemoryUtilization: fc.double({ min: 0.5, max: 0.98, noNaN: true }),
  maxModelLen: fc.integer({ min: 1, max: 200_000 }),
});

describe("for any model", () => {
  test("the parts add up to the budget", () => {
    fc.assert(
      fc.property(demands, (demand) => {
        const fit = memoryFit(demand);
        const sum = fit.weights + fit.overhead + fit.keyValueCache + fit.left;
        expect(sum / fit.budget).toBeCloseTo(1, 9);
      }),
    );
  });

  test("it fits up to largestMaxModelLen and no further", () => {
    fc.assert(
      fc.property(demands, (demand) => {
        // With given limits the overhead doesn't depend on maxModelLen.
        const fixed = { ...demand, maxNumSeqs: 64, maxNumBatchedTokens: 2048 };
        const most = memoryFit(fixed).largestMaxModelLen;
        if (most > 0) expect(memoryFit({ ...fixed, maxModelLen: most })).toMatchObject({ fits: true });
        expect(memoryFit({ ...fixed, maxModelLen: most + 1 }).fits).toBe(false);
        expect(memoryFit(fixed).fits).toBe(fixed.maxModelLen <= most);
      }),
    );
  });

  test("a model that fits has no negative sizes, and room for at least one sequence", () => {
    fc.assert(
      fc.property(demands, (demand) => {
        const fit = memoryFit(demand);
        if (fit.fits) expect(Math.min(fit.left, fit.concurrency - 1)).toBeGreaterThan(0);
      }),
    );
  });

  test("a larger GPU of the same class never holds less", () => {
    fc.assert(
      fc.property(demands, fc.integer({ min: 1, max: 2 ** 30 }), (demand, more) => {
        const sized = { ...demand, maxNumSeqs: 64, maxNumBatchedTokens: 2048 };
        // An odd number is never a data sheet's figure.
        const memory = 2 * Math.floor(demand.acceleratorMemory / 2) + 1;
        const small = memoryFit({ ...sized, acceleratorMemory: memory });
        const large = memoryFit({ ...sized, acceleratorMemory: memory + 2 * more });
        expect(large.largestMaxModelLen).toBeGreaterThanOrEqual(small.largestMaxModelLen);
      }),
    );
  });
});
