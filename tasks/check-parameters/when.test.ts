/** What decides in the pipeline modelcar whether a task runs: this Task's results, one for each, and nothing else. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { pipelineOf } from "../../pipelines/definition.ts";
import { modelcar } from "../../pipelines/modelcar.ts";

const { spec } = pipelineOf(modelcar, { namespace: "ai", timeoutMinutes: 240 });
const task = parse(readFileSync("tasks/check-parameters/task.yaml", "utf8")).spec;
const results: string[] = task.results.map(({ name }: { name: string }) => name);
const [check, ...others] = spec.tasks;

test("a list with commas is looked into by check-parameters alone", () => {
  expect(check?.name).toBe("check-parameters");
  expect(JSON.stringify(check)).toContain("$(params.SKIP_TASKS)");
  expect(JSON.stringify([others, spec.finally])).not.toContain("SKIP_TASKS");
});

test("every other task runs if a result of its own says true", () => {
  const ofThese: Record<string, string> = {
    // It fetches for the evaluation, and the image is looked up where it is not built.
    "fetch-evaluation-data": "evaluate-model",
    "build-and-push-modelcar": "need-image",
  };
  for (const { name, when } of others) {
    const result = ofThese[name] ?? name;
    expect(results, name).toContain(result);
    const input = `$(tasks.check-parameters.results.${result})`;
    expect(when, name).toEqual([{ input, operator: "in", values: ["true"] }]);
  }
});

test("at the end the workspace is cleaned up, after a failure too if the run asks for it", () => {
  const [cleanup, ...more] = spec.finally ?? [];
  expect([cleanup?.taskRef.name, more]).toEqual(["cleanup-workspace", []]);
  const [when] = cleanup?.when ?? [];
  expect(when).toMatchObject({ input: "$(params.CLEANUP_AFTER)-$(tasks.status)", operator: "in" });
  const cleaned = (after: string) =>
    // Tekton's words for how a run's tasks ended.
    ["Succeeded", "Completed", "Failed", "None"].filter((status) =>
      when?.values?.includes(`${after}-${status}`),
    );
  expect(cleaned("always")).toEqual(["Succeeded", "Completed", "Failed", "None"]);
  expect(cleaned("success")).toEqual(["Succeeded", "Completed"]);
  expect(cleaned("never")).toEqual([]);
});
