/**
 * `npm run describe -- <owner>/<name>[@<branch, tag or commit>] [hub URL]`: what `modelcar:models` needs to know about a model on
 * Hugging Face: the commit behind the name, and the figures from which sizing computes whether it fits. Gated models need
 * HF_TOKEN.
 */
import { pathToFileURL } from "node:url";
import {
  downloadFile,
  fileDownloadInfo,
  HubApiError,
  modelInfo,
  parseSafetensorsMetadata,
} from "@huggingface/hub";
import { stringify } from "yaml";

export interface ModelSource {
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  readonly hubUrl: string;
  readonly accessToken?: string | undefined;
}

interface ModelConfig {
  readonly num_hidden_layers: number;
  readonly hidden_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads?: number;
  readonly head_dim?: number;
  readonly vocab_size: number;
  readonly tie_word_embeddings?: boolean;
  readonly quantization_config?: {
    readonly bits?: number;
    readonly quant_method?: string;
    readonly config_groups?: Readonly<Record<string, { readonly weights?: { readonly num_bits?: number } }>>;
  };
  /** Multimodal models keep the figures of their language model here. */
  readonly text_config?: ModelConfig;
}

/** Bits of the safetensors format's number types, for those used for weights. */
const bitsOf: Readonly<Record<string, number>> = {
  F64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  F8_E4M3: 8,
  F8_E5M2: 8,
  I8: 8,
};

/** An entry of `modelcar:models`, without name and `serve`. Throws if the hub lacks the model or its safetensors. */
export async function describeModel(source: ModelSource) {
  const { repository, revision, hubUrl, accessToken } = source;
  const access = { hubUrl, ...(accessToken ? { accessToken } : {}) };
  const { sha } = await modelInfo({ name: repository, revision, additionalFields: ["sha"], ...access });
  const at = { repo: repository, revision: sha, ...access };
  const config = await downloadFile({ ...at, path: "config.json" });
  if (!config) throw new Error(`${repository} at ${sha} has no config.json`);
  const own = JSON.parse(await config.text()) as ModelConfig;
  const figures = own.text_config ?? own;

  const names = ["model.safetensors.index.json", "model.safetensors"];
  const found = await Promise.all(names.map((path) => fileDownloadInfo({ ...at, path })));
  const path = names.find((_, index) => found[index]);
  if (!path)
    throw new Error(`${repository} at ${sha} has no model.safetensors: vLLM reads weights in that format`);
  const { parameterCount = {} } = await parseSafetensorsMetadata({
    ...at,
    path,
    computeParametersCount: true,
  });
  const counts = Object.entries(parameterCount);
  const [[type = ""] = []] = counts.toSorted(([, a], [, b]) => b - a);
  return {
    source: { huggingFace: repository, revision: sha },
    architecture: {
      parameters: counts.reduce((sum, [, count]) => sum + count, 0),
      bitsPerWeight: quantizedBits(own) ?? bitsOf[type] ?? 16,
      layers: figures.num_hidden_layers,
      hiddenSize: figures.hidden_size,
      attentionHeads: figures.num_attention_heads,
      keyValueHeads: figures.num_key_value_heads ?? figures.num_attention_heads,
      headDimension: figures.head_dim ?? figures.hidden_size / figures.num_attention_heads,
      vocabularySize: figures.vocab_size,
      tieWordEmbeddings: own.tie_word_embeddings ?? false,
    },
  };
}

/** Bits of quantized weights, from the model's own config: compressed-tensors by groups, AWQ and GPTQ in one number. */
function quantizedBits({ quantization_config: quantization }: ModelConfig): number | undefined {
  if (quantization?.quant_method === "fp8") return 8;
  const groups = Object.values(quantization?.config_groups ?? {});
  return quantization?.bits ?? groups[0]?.weights?.num_bits;
}

async function main([model = "", hubUrl = "https://huggingface.co"]: readonly string[]): Promise<void> {
  const [repository = "", revision = "main"] = model.split("@");
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) {
    throw new Error(
      "no model given; usage: npm run describe -- <owner>/<name>[@<branch, tag or commit>] [hub URL]",
    );
  }
  const entry = await describeModel({ repository, revision, hubUrl, accessToken: process.env.HF_TOKEN });
  console.log(stringify([entry]).trimEnd());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    const hidden = error instanceof HubApiError && [401, 403, 404].includes(error.statusCode);
    const hint = hidden
      ? "\nThe hub does not have it or hides it: check its name and revision; a gated model needs HF_TOKEN."
      : "";
    console.error(`error: ${(error as Error).message}${hint}`);
    process.exitCode = 1;
  }
}
