/** The hub is a stand-in that serves the few responses that a description needs. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeModel } from "./describe-model.ts";

const commit = "a".repeat(40);
const config = {
  num_hidden_layers: 2,
  hidden_size: 128,
  num_attention_heads: 8,
  num_key_value_heads: 2,
  vocab_size: 512,
};
/** 512×128 embeddings in BF16 and one layer of 128×128 in packed 4-bit numbers, eight to an I32, with a scale for each 128. */
const tensors = {
  "model.embed_tokens.weight": { dtype: "BF16", shape: [512, 128], data_offsets: [0, 131072] },
  "layer.weight_packed": { dtype: "I32", shape: [128, 16], data_offsets: [131072, 139264] },
  "layer.weight_scale": { dtype: "BF16", shape: [128, 1], data_offsets: [139264, 139520] },
  "layer.weight_shape": { dtype: "I64", shape: [2], data_offsets: [139520, 139536] },
};
const files: Record<string, Buffer> = {};
let server: Server;
let hubUrl: string;

function repository(name: string, ownConfig: object, header: object): void {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const size = Math.max(...Object.values(header).map(({ data_offsets }) => data_offsets[1]));
  files[`/${name}/resolve/${commit}/model.safetensors`] = Buffer.concat([length, text, Buffer.alloc(size)]);
  files[`/${name}/resolve/${commit}/config.json`] = Buffer.from(JSON.stringify(ownConfig));
  files[`/api/models/${name}/revision/main`] = Buffer.from(
    JSON.stringify({ _id: name, id: name, sha: commit }),
  );
}

beforeAll(async () => {
  const { "model.embed_tokens.weight": embedding } = tensors;
  repository("owner/plain", config, { "model.embed_tokens.weight": embedding });
  const groups = { group_0: { weights: { num_bits: 4 } } };
  const quantization = {
    quant_method: "compressed-tensors",
    format: "pack-quantized",
    config_groups: groups,
  };
  repository("owner/w4a16", { ...config, head_dim: 32, quantization_config: quantization }, tensors);
  files["/api/models/owner/no-weights/revision/main"] = Buffer.from(
    JSON.stringify({ _id: "x", id: "owner/no-weights", sha: commit }),
  );
  files[`/owner/no-weights/resolve/${commit}/config.json`] = Buffer.from(JSON.stringify(config));

  server = createServer((request, response) => {
    const file = files[(request.url ?? "").split("?")[0] ?? ""];
    if (!file) return void response.writeHead(404, { "X-Error-Code": "EntryNotFound" }).end();
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
    const end = Math.min(Number(last ?? file.length - 1), file.length - 1);
    const part = file.subarray(Number(first ?? 0), end + 1);
    response.writeHead(first === undefined ? 200 : 206, {
      ETag: '"e"',
      "Content-Length": part.length,
      "Content-Type": "application/json",
      ...(first === undefined ? {} : { "Content-Range": `bytes ${first}-${end}/${file.length}` }),
    });
    response.end(part);
  }).listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  hubUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

test("a model in BF16, with its commit", async () => {
  expect(await describeModel({ repository: "owner/plain", revision: "main", hubUrl })).toEqual({
    source: { huggingFace: "owner/plain", revision: commit },
    architecture: {
      parameters: 512 * 128,
      bitsPerWeight: 16,
      layers: 2,
      hiddenSize: 128,
      attentionHeads: 8,
      keyValueHeads: 2,
      headDimension: 16,
      vocabularySize: 512,
      tieWordEmbeddings: false,
    },
  });
});

test("a quantized model: packed weights count as the parameters that they hold", async () => {
  const { architecture } = await describeModel({ repository: "owner/w4a16", revision: "main", hubUrl });
  expect(architecture).toMatchObject({ bitsPerWeight: 4, headDimension: 32 });
  expect(architecture.parameters).toBeGreaterThanOrEqual(512 * 128 + 128 * 128);
  expect(architecture.parameters).toBeLessThan((512 * 128 + 128 * 128) * 1.01);
});

test("a model without safetensors and a missing model are errors", async () => {
  await expect(describeModel({ repository: "owner/no-weights", revision: "main", hubUrl })).rejects.toThrow(
    "has no model.safetensors",
  );
  await expect(describeModel({ repository: "owner/none", revision: "main", hubUrl })).rejects.toThrow("404");
});
