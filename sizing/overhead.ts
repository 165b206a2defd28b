/**
 * vLLM's memory on a GPU besides weights and KV cache. vLLM measures it when it starts (determine_available_memory in
 * vllm/v1/worker/gpu_worker.py); these are estimates of that measurement, based on figures published for vLLM 0.19 on H100
 * (accuracy report of llm-d-incubation/llm-d-planner, 49 runs of 28 models). All sizes are bytes on one GPU.
 */
const gibibyte = 2 ** 30;
const mebibyte = 2 ** 20;

/** Limits of vLLM's scheduler, which determine its working memory. */
export interface SchedulerLimits {
  /** Sequences at once (--max-num-seqs). */
  readonly maxNumSeqs: number;
  /** Tokens of one step (--max-num-batched-tokens). */
  readonly maxNumBatchedTokens: number;
}

/**
 * The limits that vLLM's API server chooses by the GPU's memory if none are given: 1024 sequences and 8192 tokens from 70 GiB,
 * 16384 tokens from 160 GiB, otherwise 256 and 2048. An A100 also gets the small limits; for it this overestimates the memory.
 * Source: EngineArgs.get_batch_defaults in vllm/engine/arg_utils.py (0.32).
 */
export function schedulerLimits(
  usableMemory: number,
  maxModelLen: number,
  given: { readonly maxNumSeqs?: number | undefined; readonly maxNumBatchedTokens?: number | undefined },
): SchedulerLimits {
  const large = usableMemory >= 70 * gibibyte;
  const tokens = usableMemory >= 160 * gibibyte ? 16384 : large ? 8192 : 2048;
  const sequences = given.maxNumSeqs ?? (large ? 1024 : 256);
  const maxNumBatchedTokens = given.maxNumBatchedTokens ?? Math.min(tokens, sequences * maxModelLen);
  return { maxNumSeqs: Math.min(sequences, maxNumBatchedTokens), maxNumBatchedTokens };
}

/**
 * The peak of one forward pass and of the sampler after it, whichever is larger:
 *
 *     forward = maxNumBatchedTokens × 2 bytes × (4.25 × hiddenSize + 3 × intermediateSize / gpus)
 *     sampler = maxNumSeqs × vocabularySize × 16 bytes
 *
 * The sampler has all logits on each GPU, in 32 bits, and holds four tensors of their size. Compared with the published
 * measurements the result is 7 % too high to 2 % too low for dense models, and up to 20 % too low for mixtures of experts.
 */
export function activationBytes(
  model: {
    readonly hiddenSize: number;
    readonly intermediateSize: number;
    readonly vocabularySize: number;
  },
  gpus: number,
  limits: SchedulerLimits,
): number {
  const width = 4.25 * model.hiddenSize + (3 * model.intermediateSize) / gpus;
  const forward = limits.maxNumBatchedTokens * 2 * width;
  return Math.max(forward, limits.maxNumSeqs * model.vocabularySize * 16);
}

/**
 * CUDA graphs: 24 MiB for each batch size that vLLM captures. The sizes are 1, 2, 4, multiples of 8 below 256 and of 16 above,
 * up to twice maxNumSeqs and 512 (VllmConfig._set_cudagraph_sizes). Published: 0.5 to 1.9 GiB, 1.04 on average, for all 51
 * sizes. None with --enforce-eager.
 */
export function graphBytes(limits: SchedulerLimits): number {
  const largest = Math.min(2 * limits.maxNumSeqs, 512, limits.maxNumBatchedTokens);
  let sizes = [1, 2, 4].filter((size) => size <= largest).length;
  for (let size = 8; size <= largest; size += size < 256 ? 8 : 16) sizes += 1;
  return sizes * 24 * mebibyte;
}

/**
 * Allocations outside PyTorch while the model runs: 0.3 GiB on one GPU, 2.2 GiB on each of several, mostly buffers for
 * all-reduce (published: 0.24 to 0.27, and 2.06 to 2.21 with tensor parallelism; less without NVLink).
 */
export function outsidePyTorchBytes(gpus: number): number {
  return (gpus > 1 ? 2.2 : 0.3) * gibibyte;
}
