/** Every good config of the table declares valid objects too, with choices that this repository's stacks do not make. */
import { afterAll, expect, test, vi } from "vitest";
import { goodCases } from "../program/config-cases.ts";
import { declaredObjects, stacks } from "./declared.ts";
import { examples } from "./examples.ts";
import { badNames, formatMismatches, movingImages } from "./references.ts";
import { tektonProblems } from "./tekton-references.ts";
import { kindName, problemsOf } from "./validator.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("../program/plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () =>
  (await import("../program/plain-dynamic.ts")).readiness(),
);

const declared = new Set<string>();

test.each(goodCases)("$stack, $title", async ({ stack, edit }) => {
  const objects = await declaredObjects(stack, edit);
  for (const object of objects) declared.add(kindName(object));
  const problems = (await Promise.all(objects.map((object) => problemsOf(object)))).flat();
  const rules = [badNames, formatMismatches, movingImages, tektonProblems];
  expect([...problems, ...rules.flatMap((rule) => rule(objects))]).toEqual([]);
});

afterAll(async () => {
  const controlled = [
    ...examples,
    ...(await Promise.all(stacks.map((stack) => declaredObjects(stack)))).flat(),
  ];
  // A kind without an object in schemas.test.ts would have no negative control: give it an example.
  expect(controlled.map(kindName)).toEqual(expect.arrayContaining([...declared]));
  console.log(`kinds declared by some config:\n  ${[...declared].sort().join("\n  ")}`);
});
