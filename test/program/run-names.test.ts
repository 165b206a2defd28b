/**
 * The names of runs are recorded, because they are hashes of the runs' inputs: a stack whose runs have other names after an update
 * of the program imports and measures everything again. A change that must do so records the new names, and says so.
 */

import { baseName } from "@modelcar/tekton-run/runs";
import { expect, test, vi } from "vitest";
import { type Editable, packed } from "./config-cases.ts";
import { runProgram, stackConfig } from "./record.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("./plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () => (await import("./plain-dynamic.ts")).readiness());

interface Recorded {
  readonly title: string;
  readonly stack: string;
  readonly edit: (config: Editable) => void;
  readonly names: readonly string[];
}

const recorded: Recorded[] = [
  {
    title: "models on GPUs that are imported",
    stack: "dev",
    edit: () => {},
    names: ["model-import-mistral-24b-1141b979", "model-import-mistral-24b-quantized-30cbb953"],
  },
  {
    title: "a model that is packed, and measured where it is served",
    stack: "alone",
    edit: packed,
    names: ["model-testing-v2-sums-fea24f16", "modelcar-sums-7bc913da"],
  },
  {
    title: "one that is measured as a candidate",
    stack: "alone",
    edit: (config) => {
      packed(config);
      config.models[0].test.evaluate.gate = {};
    },
    names: ["candidate-testing-sums-8aac393c", "model-comparison-sums-d3305650", "modelcar-sums-7bc913da"],
  },
];

test.each(recorded)("$title: its runs keep their names", async ({ stack, edit, names }) => {
  const { resources } = await runProgram(stack, stackConfig(stack, edit));
  const runs = resources.filter(({ type }) => type.endsWith(":PipelineRun"));
  expect(runs.map(({ inputs }) => baseName(inputs)).sort()).toEqual(names);
});
