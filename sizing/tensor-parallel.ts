/** The numbers of GPUs that a model can be distributed over. */
import type { Architecture } from "./memory.ts";

type Shape = Pick<Architecture, "attentionHeads" | "keyValueHeads" | "hiddenSize" | "vocabularySize">;

/**
 * Why a model cannot be distributed over a number of GPUs: one text for each reason, none if it can. Each GPU takes whole
 * attention heads; KV heads are distributed evenly or, if there are fewer than GPUs, copied evenly; the hidden size and the
 * vocabulary (padded to 64) are split into equal parts.
 *
 * Sources: ModelConfig.verify_with_parallel_config (vllm/config/model.py), QKVParallelLinear (layers/linear.py) and
 * VocabParallelEmbedding (layers/vocab_parallel_embedding.py), vLLM 0.32.
 */
export function tensorParallelProblems(shape: Shape, gpus: number): string[] {
  const { attentionHeads, keyValueHeads, hiddenSize, vocabularySize } = shape;
  const problems: string[] = [];
  const divide = (amount: number, of: string) => {
    if (amount % gpus !== 0) problems.push(`${amount} ${of} cannot be distributed evenly over ${gpus} GPUs`);
  };
  divide(attentionHeads, "attention heads");
  if (keyValueHeads >= gpus) divide(keyValueHeads, "KV heads");
  else if (gpus % keyValueHeads !== 0) {
    problems.push(`${keyValueHeads} KV heads cannot be copied evenly to ${gpus} GPUs`);
  }
  divide(hiddenSize, "as hidden size");
  if (vocabularySize !== undefined) divide(Math.ceil(vocabularySize / 64) * 64, "as padded vocabulary size");
  return problems;
}

/** The numbers of GPUs, up to `largest`, that a model can be distributed over. */
export function tensorParallelSizes(shape: Shape, largest: number): number[] {
  const sizes = Array.from({ length: largest }, (_, index) => index + 1);
  return sizes.filter((gpus) => tensorParallelProblems(shape, gpus).length === 0);
}
