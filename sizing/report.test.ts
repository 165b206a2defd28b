import { expect, test } from "vitest";
import { architecture, size, tiny } from "./example-stack.ts";

test("the models of the requirements fit, and the table shows the remaining memory and the costs", () => {
  const { errors, warnings, lines } = size({});
  expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
  expect(lines).toEqual([
    "model                  GPUs    weights   overhead  KV cache  left     concurrency         $/hour  $/month  $/1M output  $/1M input",
    "mistral-24b-quantized  1 × l4  13.4 GiB  2.0 GiB   1.3 GiB   3.5 GiB  3.8 × 8192 tokens   1.32    966      ≥ 0.28       ≥ 0.14",
    "mistral-24b            4 × l4  11.1 GiB  3.9 GiB   0.6 GiB   4.6 GiB  8.3 × 16384 tokens  4.60    3359     ≥ 0.25       ≥ 0.13",
    "total                                                                                     5.92    4325",
    "namespace                   needed    quota",
    "requests.cpu                22500m    22500m",
    "requests.memory             99528Mi   99528Mi",
    "limits.cpu                  26100m    26100m",
    "limits.memory               110792Mi  110792Mi",
    "requests.nvidia.com/gpu     5         5",
    "requests.ephemeral-storage  25Gi      25Gi",
    "requests.storage            240Gi     240Gi",
    "persistentvolumeclaims      2         2",
    "nodes: 1 × g6.4xlarge (GPUs: 1)",
    "nodes: 1 × g6.12xlarge (GPUs: 4)",
  ]);
});

test("a model without GPUs needs no architecture and no price", () => {
  const { errors, warnings, lines } = size({ models: [tiny], platform: "kubernetes", accelerators: {} });
  expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
  expect(lines).toContain("sums: memory was not checked; it needs modelcar:models[0].architecture");
  expect(lines.join()).not.toContain("total");
});

test("without GPUs the weights must at least fit into the pod", () => {
  const large = { ...tiny, architecture: { ...architecture, parameters: 1.6e9, vocabularySize: 32_000 } };
  expect(size({ models: [large] }).errors).toEqual([
    'modelcar:models[0].serve.memory: "3Gi" must be more than 3.0 GiB, the weights of sums',
  ]);
  expect(size({ models: [{ ...large, serve: { ...tiny.serve, memory: "4Gi" } }] }).errors).toEqual([]);
});
