/**
 * Computes whether a model fits its GPUs, as vLLM does when it starts:
 *
 *     budget  = memory that CUDA sees × gpuMemoryUtilization
 *     KV pool = budget − weights − overhead
 *     fits    = one sequence of maxModelLen fits the pool
 *
 * Sources: request_memory (vllm/v1/worker/utils.py), determine_available_memory (vllm/v1/worker/gpu_worker.py) and
 * get_max_concurrency_for_kv_cache_config, check_enough_kv_cache_memory (vllm/v1/core/kv_cache_utils.py), vLLM 0.32. KAITO's
 * estimator (kaito-project/kaito, pkg/workspace/estimator) has the same form, with overhead as 2.3 GiB + 5 % of the weights.
 *
 * All sizes are bytes on one GPU. All layers are assumed to have full attention: sliding windows need less, state-space layers
 * need additional memory. For multi-head latent attention give keyValueHeads 1 and headDimension
 * (kv_lora_rank + qk_rope_head_dim) / 2.
 */
import { activationBytes, graphBytes, outsidePyTorchBytes, schedulerLimits } from "./overhead.ts";

/** Figures of a model's config.json. */
export interface Architecture {
  readonly parameters: number;
  /** Bits of one weight: 16 for BF16, 8 for FP8 and INT8, 4 for W4A16. */
  readonly bitsPerWeight: number;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly attentionHeads: number;
  readonly keyValueHeads: number;
  readonly headDimension: number;
  readonly keyValueBits: number;
  /** Default: {@link assumedVocabulary}. */
  readonly vocabularySize?: number | undefined;
  /** The output layer shares its weights with the embeddings (tie_word_embeddings). Default: false. */
  readonly tieWordEmbeddings?: boolean | undefined;
}

export interface MemoryDemand {
  readonly architecture: Architecture;
  /** GPUs that share the model: the tensor parallel size. */
  readonly gpus: number;
  /** Memory of one GPU in bytes, as the driver reports it. */
  readonly acceleratorMemory: number;
  readonly gpuMemoryUtilization: number;
  readonly maxModelLen: number;
  /** Default of this and the next: vLLM's. */
  readonly maxNumSeqs?: number | undefined;
  readonly maxNumBatchedTokens?: number | undefined;
  /** No CUDA graphs. Default: false. */
  readonly enforceEager?: boolean | undefined;
}

/** Bytes on each GPU, and what follows from them. */
export interface MemoryFit {
  /** Memory that CUDA sees. */
  readonly usable: number;
  /** vLLM's share of it. */
  readonly budget: number;
  readonly weights: number;
  /** Activations, CUDA graphs, and allocations outside PyTorch: an estimate. */
  readonly overhead: number;
  /** KV cache of one sequence of maxModelLen. */
  readonly keyValueCache: number;
  /** budget − weights − overhead − keyValueCache; negative if the model does not fit. */
  readonly left: number;
  /** Sequences of maxModelLen that fit at once; vLLM logs it as "Maximum concurrency". */
  readonly concurrency: number;
  /** The largest maxModelLen that would fit; 0 if not even the weights fit. */
  readonly largestMaxModelLen: number;
  readonly fits: boolean;
}

/** Assumed if the architecture has no vocabulary size; larger than most, so that the remaining memory is not overestimated. */
export const assumedVocabulary = 131072;

/** Tokens in a block of vLLM's KV cache on CUDA (CacheConfig.DEFAULT_BLOCK_SIZE). */
const blockTokens = 16;

/**
 * The part of the reported memory that CUDA sees: 97.5 %; the driver uses the rest. Measured: L4 22.03 of 22.49 GiB, L40S 44.42
 * of 44.99, H100 79.19 of 79.65.
 *
 * A multiple of 8 GiB is a figure from a data sheet, not from the driver. GDDR memory uses 1/16 of it for ECC (an L4 of 24 GB
 * reports 23034 MiB), so that is subtracted as well.
 */
export function usableMemory(acceleratorMemory: number): number {
  return acceleratorMemory * (isDataSheetFigure(acceleratorMemory) ? 15 / 16 : 1) * 0.975;
}

/** See {@link usableMemory}. */
export function isDataSheetFigure(acceleratorMemory: number): boolean {
  return acceleratorMemory % (8 * 2 ** 30) === 0;
}

/**
 * Bytes of the weights on all GPUs together, as vLLM loads them: 1 % more than the plain sum (published measurements: 0.1 to
 * 0.8 %). Quantization leaves embeddings and output layer at 16 bits; below 8 bits each group of 128 weights has a scale of 16
 * bits and a zero point (the layout of AWQ and GPTQ; symmetric W4A16 takes 0.8 % less).
 */
export function weightBytes(architecture: Architecture): number {
  const { parameters, bitsPerWeight } = architecture;
  const kept = bitsPerWeight < 16 ? embeddingParameters(architecture) : 0;
  const group = bitsPerWeight < 8 ? (16 + bitsPerWeight) / 128 : 0;
  return 1.01 * (((parameters - kept) * (bitsPerWeight + group)) / 8 + kept * 2);
}

/**
 * Bytes of KV cache for one token on one GPU: 2 × layers × heads × headDimension × keyValueBits / 8. The heads are distributed
 * over the GPUs; with more GPUs than heads each GPU holds a copy of one (ModelConfig.get_num_kv_heads).
 */
export function keyValueBytesPerToken(architecture: Architecture, gpus: number): number {
  const heads = Math.max(1, Math.floor(architecture.keyValueHeads / gpus));
  return (2 * architecture.layers * heads * architecture.headDimension * architecture.keyValueBits) / 8;
}

/** The calculation at the top of this file. */
export function memoryFit(demand: MemoryDemand): MemoryFit {
  const { architecture, gpus, maxModelLen } = demand;
  const usable = usableMemory(demand.acceleratorMemory);
  const budget = usable * demand.gpuMemoryUtilization;
  const weights = weightBytes(architecture) / gpus;
  const limits = schedulerLimits(usable, maxModelLen, demand);
  const overhead =
    activationBytes(layerSizes(architecture), gpus, limits) +
    (demand.enforceEager ? 0 : graphBytes(limits)) +
    outsidePyTorchBytes(gpus);

  const blockBytes = blockTokens * keyValueBytesPerToken(architecture, gpus);
  const blocksPerSequence = Math.ceil(maxModelLen / blockTokens);
  const blocks = Math.max(0, Math.floor((budget - weights - overhead) / blockBytes));
  // vLLM reserves one block as its null block.
  const usableBlocks = Math.max(0, blocks - 1);
  const keyValueCache = blocksPerSequence * blockBytes;
  return {
    usable,
    budget,
    weights,
    overhead,
    keyValueCache,
    left: budget - weights - overhead - keyValueCache,
    concurrency: blocks / blocksPerSequence,
    largestMaxModelLen: usableBlocks * blockTokens,
    fits: usableBlocks >= blocksPerSequence,
  };
}

function embeddingParameters(architecture: Architecture): number {
  const { vocabularySize = assumedVocabulary, hiddenSize, parameters, tieWordEmbeddings } = architecture;
  return Math.min(parameters, vocabularySize * hiddenSize * (tieWordEmbeddings ? 1 : 2));
}

/**
 * Sizes that determine the working memory. intermediate_size of config.json is derived from the parameters, because each layer
 * has four attention matrices and three of the MLP. For a mixture of experts this would be far more than a pass uses, so it is
 * limited to 8 × hiddenSize, the maximum of dense models.
 */
export function layerSizes(architecture: Architecture) {
  const { hiddenSize, vocabularySize = assumedVocabulary } = architecture;
  const perLayer = (architecture.parameters - embeddingParameters(architecture)) / architecture.layers;
  const heads = 2 * architecture.attentionHeads + 2 * architecture.keyValueHeads;
  const mlp = Math.max(0, perLayer - hiddenSize * architecture.headDimension * heads);
  return { hiddenSize, vocabularySize, intermediateSize: Math.min(mlp / (3 * hiddenSize), 8 * hiddenSize) };
}
