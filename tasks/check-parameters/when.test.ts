/** In the pipeline modelcar only this Task's results decide which tasks run, one result for each. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { pipelineOf } from "../../pipelines/definition.ts";
import { modelcar } from "../../pipelines/modelcar.ts";

const { spec } = pipelineOf(modelcar, { namespace: "ai", timeoutMinutes: 240 });
const task = parse(readFileSync("tasks/check-parameters/task.yaml", "utf8")).spec;
const results: string[] = task.results.map(({ name }: { name: string }) => name);
const [check, ...others] = spec.tasks;

test("only check-parameters reads the list SKIP_TASKS", () => {
  expect(check?.name).toBe("check-parameters");
  expect(JSON.stringify(check)).toContain("$(params.SKIP_TASKS)");
  expect(JSON.stringify([others, spec.finally])).not.toContain("SKIP_TASKS");
});

test("every other task runs if its result of check-parameters is true", () => {
  const ofThese: Record<string, string> = {
    // It downloads data for the evaluation; the other task looks up the image if it does not build it.
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

test("the workspace is cleaned up at the end as CLEANUP_AFTER says", () => {
  const [cleanup, ...more] = spec.finally ?? [];
  expect([cleanup?.taskRef.name, more]).toEqual(["cleanup-workspace", []]);
  const [when] = cleanup?.when ?? [];
  expect(when).toMatchObject({ input: "$(params.CLEANUP_AFTER)-$(tasks.status)", operator: "in" });
  const cleaned = (after: string) =>
    // Tekton's values of $(tasks.status).
    ["Succeeded", "Completed", "Failed", "None"].filter((status) =>
      when?.values?.includes(`${after}-${status}`),
    );
  expect(cleaned("always")).toEqual(["Succeeded", "Completed", "Failed", "None"]);
  expect(cleaned("success")).toEqual(["Succeeded", "Completed"]);
  expect(cleaned("never")).toEqual([]);
});
