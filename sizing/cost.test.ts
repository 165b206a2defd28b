import fc from "fast-check";
import { expect, test } from "vitest";
import { hourlyCost, totalCost, usdPerMillionTokens } from "./cost.ts";

const once = { least: 1, most: 1 };
const large = { gpus: 4, hourlyUsd: 4.6016 };

test.each([
  ["all GPUs of an instance pay it", { gpus: 4, replicas: once, instance: large }, [4.6016, 4.6016]],
  ["some pay their share", { gpus: 1, replicas: once, instance: large }, [1.1504, 1.1504]],
  ["replicas count", { gpus: 4, replicas: { least: 2, most: 2 }, instance: large }, [9.2032, 9.2032]],
  ["autoscaling gives a range", { gpus: 4, replicas: { least: 0, most: 3 }, instance: large }, [0, 13.8048]],
  ["stopped costs nothing", { gpus: 4, replicas: { least: 0, most: 0 }, instance: large }, [0, 0]],
] as const)("%s", (_title, demand, [least, most]) => {
  expect(hourlyCost(demand)).toEqual({ least: expect.closeTo(least, 9), most: expect.closeTo(most, 9) });
});

test("without GPUs or a price nothing is known", () => {
  expect(hourlyCost({ gpus: 0, replicas: once, instance: large })).toBeUndefined();
  expect(hourlyCost({ gpus: 1, replicas: once, instance: { gpus: 1 } })).toBeUndefined();
  expect(totalCost([undefined, undefined])).toBeUndefined();
});

test("the total is of what is known", () => {
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
