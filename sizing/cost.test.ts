import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { copyHourlyUsd, decodeBound, hourlyCost, totalCost, usdPerMillionTokens } from "./cost.ts";
import { architecture } from "./example-stack.ts";
import { keyValueBytesPerToken, weightBytes } from "./memory.ts";

const pod = { cpu: "6", memory: "16Gi" };
const accelerators = {
  l4: {
    gpuProduct: "NVIDIA-L4",
    instances: { "g6.12xlarge": { gpus: 4, cpu: "48", memory: "192Gi", hourlyUsd: 4.6016 } },
  },
  own: { gpuProduct: "NVIDIA-L4", instances: { rack: { gpus: 4, cpu: "48", memory: "192Gi" } } },
};

test.each([
  ["all GPUs of an instance pay it", { accelerator: "l4", gpus: 4 }, 4.6016],
  ["some pay their share", { accelerator: "l4", gpus: 1 }, 1.1504],
  ["the instance's price is the better one", { accelerator: "l4", gpus: 4, hourlyUsd: 1 }, 4.6016],
  ["without it the model's own counts", { accelerator: "own", gpus: 4, hourlyUsd: 2 }, 2],
  ["so it does without GPUs", { gpus: 0, hourlyUsd: 0.2 }, 0.2],
])("one copy: %s", (_title, serve, usd) => {
  expect(copyHourlyUsd({ ...pod, ...serve }, accelerators)).toBeCloseTo(usd, 9);
});

test("without a price the cost is undefined", () => {
  expect(copyHourlyUsd({ ...pod, gpus: 0 }, accelerators)).toBeUndefined();
  expect(copyHourlyUsd({ ...pod, accelerator: "own", gpus: 1 }, accelerators)).toBeUndefined();
  expect(hourlyCost(undefined, { least: 1, most: 1 })).toBeUndefined();
  expect(totalCost([undefined, undefined])).toBeUndefined();
});

test.each([
  ["replicas count", { least: 2, most: 2 }, { least: 3, most: 3 }],
  ["autoscaling gives a range", { least: 1, most: 3 }, { least: 1.5, most: 4.5 }],
  ["stopped costs nothing", { least: 0, most: 0 }, { least: 0, most: 0 }],
])("all copies: %s", (_title, replicas, range) => {
  expect(hourlyCost(1.5, replicas)).toEqual(range);
});

test("the total includes the known costs", () => {
  expect(totalCost([{ least: 1, most: 2 }, undefined, { least: 3, most: 3 }])).toEqual({ least: 4, most: 5 });
});

test("a million tokens at 1000 tokens/s take 1000 s", () => {
  expect(usdPerMillionTokens(3.6, 1000)).toBeCloseTo(1, 9);
  expect(() => usdPerMillionTokens(1, 0)).toThrow("must be above 0");
  expect(() => usdPerMillionTokens(1, Number.NaN)).toThrow("must be above 0");
});

test("twice the throughput halves the price of a token, twice the price doubles it", () => {
  const amount = fc.double({ min: 0.01, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(amount, amount, (usd, speed) => {
      const price = usdPerMillionTokens(usd, speed);
      expect(usdPerMillionTokens(usd, 2 * speed) / price).toBeCloseTo(0.5, 9);
      expect(usdPerMillionTokens(2 * usd, speed) / price).toBeCloseTo(2, 9);
    }),
  );
});

describe("the bound of decoding", () => {
  const one = {
    architecture,
    gpus: 1,
    memoryBandwidth: 300,
    sequences: 1,
    promptTokens: 256,
    outputTokens: 128,
  };

  test("one request reads all weights for each of its tokens", () => {
    const bytes = weightBytes(architecture) + 320 * keyValueBytesPerToken(architecture, 1);
    expect(decodeBound(one)).toBeCloseTo(300e9 / bytes, 9);
  });

  test("more requests share the reading of the weights, up to the bound of the cache", () => {
    const sequences = fc.integer({ min: 1, max: 512 });
    fc.assert(
      fc.property(sequences, (sequences) => {
        const bound = decodeBound({ ...one, sequences });
        expect(bound).toBeLessThanOrEqual(sequences * decodeBound(one));
        expect(bound).toBeLessThan(300e9 / (320 * keyValueBytesPerToken(architecture, 1)));
        expect(decodeBound({ ...one, sequences: sequences + 1 })).toBeGreaterThan(bound);
      }),
    );
  });

  test("four GPUs have four times the bandwidth", () => {
    expect(decodeBound({ ...one, gpus: 4 }) / decodeBound(one)).toBeCloseTo(4, 9);
  });
});
