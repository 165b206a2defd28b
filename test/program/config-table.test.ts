/** Every case of the table goes through the whole program: a bad config names its keys and declares nothing. */
import { afterAll, describe, expect, test, vi } from "vitest";
import { badCases, type Case, goodCases } from "./config-cases.ts";
import { type Recorded, runProgram, stackConfig } from "./record.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("./plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () => (await import("./plain-dynamic.ts")).readiness());

let checked = 0;
afterAll(() => expect(checked).toBeGreaterThanOrEqual(200));

async function run({ stack, edit }: Case) {
  checked += 1;
  const resources: Recorded[] = [];
  const failure = await runProgram(stack, stackConfig(stack, edit), resources).then(
    () => undefined,
    (error: Error) => error,
  );
  return { failure, resources };
}

describe("a bad config", () => {
  test.each(badCases)("$stack, $title", async (one) => {
    const { failure, resources } = await run(one);
    expect(resources).toEqual([]);
    expect(failure, "an error that the CLI shows without a stack trace").toHaveProperty("__pulumiRunError");
    const lines = String(failure?.message).split("\n  ").slice(1);
    for (const [key, says] of one.mistakes) {
      const line = lines.find((line) => line.startsWith(`modelcar:${key}: `));
      expect(line, `a line for ${key} among\n${lines.join("\n")}`).toContain(says);
    }
    expect(lines, lines.join("\n")).toHaveLength(one.mistakes.length);
  });
});

describe("a good config", () => {
  test.each(goodCases)("$stack, $title", async (one) => {
    const { failure, resources } = await run(one);
    expect(failure).toBeUndefined();
    expect(resources.length).toBeGreaterThan(10);
  });
});
