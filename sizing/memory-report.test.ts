import { describe, expect, test } from "vitest";
import { architecture, full, l4, quantized, size, stack, withServe } from "./example-stack.ts";

describe("memory of the GPUs", () => {
  test("too long a sequence: what would fit, and how many GPUs would be enough", () => {
    expect(withServe({ maxModelLen: 60_000 }).errors).toEqual([
      expect.stringMatching(
        /^modelcar:models\[0\]\.serve\.maxModelLen: 60000 must be at most 31\d{3}, or modelcar:models\[0\]\.serve\.gpus 2: on each GPU 20\.2 GiB \(21\.9 GiB × 0\.92\) − weights 13\.4 GiB − overhead 2\.0 GiB = 4\.8 GiB for the KV cache; one sequence of 60000 tokens takes 9\.2 GiB$/,
      ),
    ]);
  });

  test("too few GPUs: how many would be enough", () => {
    const models = [quantized, { ...full, serve: { ...full.serve, gpus: 2 } }];
    expect(size({ models }).errors).toEqual([
      expect.stringMatching(/^modelcar:models\[1\]\.serve\.gpus: 2 is not enough for mistral-24b, 4 would: /),
    ]);
  });

  test("no instance that is large enough", () => {
    const huge = {
      ...full,
      architecture: { ...architecture, parameters: 70e9, layers: 80, hiddenSize: 8192 },
    };
    expect(size({ models: [huge] }).errors).toEqual([
      expect.stringContaining("serve.gpus: 4 is not enough for mistral-24b, no instance with l4 has enough"),
    ]);
  });

  test("heads that cannot be distributed evenly", () => {
    expect(withServe({ gpus: 3 }).errors).toEqual([
      expect.stringMatching(
        /^modelcar:models\[0\]\.serve\.gpus: 3 must be 1, 2 or 4: 32 attention heads cannot/,
      ),
    ]);
  });

  test("a close fit and too little memory for CUDA are warnings, not errors", () => {
    const close = withServe({ maxModelLen: 28_000 });
    expect(close.errors).toEqual([]);
    expect(close.warnings).toEqual([
      expect.stringMatching(
        /^modelcar:models\[0\]\.serve\.maxModelLen: mistral-24b-quantized fits with only 0\.5 GiB left/,
      ),
    ]);
    expect(withServe({ gpuMemoryUtilization: 0.99 }).warnings).toEqual([
      expect.stringMatching(
        /^modelcar:models\[0\]\.serve\.gpuMemoryUtilization: 0\.99 leaves 0\.2 GiB of each GPU/,
      ),
    ]);
  });

  test("a data sheet's figure is counted as what the driver would report", () => {
    const { errors, warnings } = size({ accelerators: { l4: { ...l4, memory: "24Gi" } } });
    expect(errors).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(/^modelcar:accelerators\.l4\.memory: 24Gi looks like a data sheet's.* 21\.9 GiB/),
    ]);
  });

  test("arguments of vLLM count: the runtime's, then the model's", () => {
    const servingRuntimes = { ...stack.servingRuntimes, "vllm-cuda": { args: ["--kv-cache-dtype=fp8"] } };
    expect(withServe({ maxModelLen: 60_000 }, { servingRuntimes }).errors).toEqual([]);
    const vllmArgs = ["--kv-cache-dtype=auto"];
    expect(withServe({ maxModelLen: 60_000, vllmArgs }, { servingRuntimes }).errors).toHaveLength(1);
  });

  test("with an argument that sizing does not model, a shortage is a warning", () => {
    const { errors, warnings } = withServe({ maxModelLen: 60_000, vllmArgs: ["--cpu-offload-gb=10"] });
    expect(errors).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(/must be at most.*an estimate that ignores --cpu-offload-gb/),
    ]);
  });

  test("without an architecture the key is named", () => {
    const { architecture: _, ...unknown } = quantized;
    const { errors, lines } = size({ models: [unknown, full] });
    expect(errors).toEqual([]);
    expect(lines).toContain(
      "mistral-24b-quantized: memory was not checked; it needs modelcar:models[0].architecture",
    );
  });
});
