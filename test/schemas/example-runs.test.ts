/** The PipelineRuns of the examples fit Tekton's own schema. */
import { expect, test } from "vitest";
import { pipelineRun, scenarios } from "../program/examples.ts";
import { problemsOf } from "./validator.ts";

/** The server generates the name, which the schema of the stored object requires. */
const named = (scenario: string) => {
  const run = pipelineRun(scenario);
  return { ...run, metadata: { ...run.metadata, name: `${run.metadata.generateName}abcde` } };
};

test.each(scenarios)("%s", async (scenario) => {
  const run = named(scenario);
  expect(run.metadata.generateName).toMatch(/^[a-z0-9-]{1,58}$/);
  expect(await problemsOf(run)).toEqual([]);
  // The schema rejects mistakes: Tekton's v1beta1 had the timeout here.
  expect(await problemsOf({ ...run, spec: { ...run.spec, timeout: "1h" } })).toEqual([
    expect.stringContaining('spec: unknown field "timeout"'),
  ]);
});
