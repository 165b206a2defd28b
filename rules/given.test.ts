import { expect, test } from "vitest";
import { GivenNumber, given, isAbove, minus, paramOf, partOf, times } from "./given.ts";

test("known numbers are computed at once", () => {
  expect([times(30, 12), minus(4096, 1024), partOf(256, 4, 1024), partOf(8192, 4, 1024)]).toEqual([
    360, 3072, 64, 1024,
  ]);
});

test("numbers that only a run knows become formulas, in numbers and in texts", () => {
  const length = new GivenNumber("MAX_MODEL_LEN");
  const answer = partOf(length, 4, 1024);
  expect(JSON.stringify({ attempts: times(new GivenNumber("STARTUP_MINUTES"), 12) })).toBe(
    '{"attempts":{"$number":"12 * (STARTUP_MINUTES)"}}',
  );
  expect(`--limit=${minus(length, answer)}`).toBe(
    `--limit=${given("MAX_MODEL_LEN - min(1024, MAX_MODEL_LEN // 4)")}`,
  );
});

test("comparisons use the lower bound of an unknown number", () => {
  expect([isAbove(2, 1), isAbove(1, 1)]).toEqual([true, false]);
  expect([isAbove(new GivenNumber("GPUS", 2), 1), isAbove(new GivenNumber("GPUS"), 0)]).toEqual([
    true,
    false,
  ]);
});

test("only a whole text is a param", () => {
  expect([paramOf(given("CPU")), paramOf(`x-${given("CPU")}`), paramOf(given("CPU", "1"))]).toEqual([
    "CPU",
    undefined,
    undefined,
  ]);
});
