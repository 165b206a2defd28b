import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadTasks } from "../plan/tasks.ts";
import { readVariant, type Variant, variantOf } from "./task-variants.ts";

const [task] = loadTasks("tasks", ["run-guidellm"]) as [ReturnType<typeof loadTasks>[number]];
const variant = readVariant("tasks", "run-guidellm-v2") as Variant;

test("a variant differs from the original Task in its names, its description and one param", () => {
  const [second] = loadTasks("tasks", ["run-guidellm-v2"]);
  expect(second?.metadata).toEqual({
    ...task.metadata,
    name: "run-guidellm-v2",
    annotations: {
      ...(task.metadata.annotations as object),
      "tekton.dev/displayName": "Benchmark an endpoint",
    },
  });
  expect(second?.spec.description).toMatch(/^Measures a served model with GuideLLM: /);
  expect(second?.spec.params?.[0]).toEqual({
    name: "ENDPOINT_URL",
    type: "string",
    description: "URL of the endpoint (OpenAI's API), as status.address.url of the InferenceService has it.",
  });
  expect(second?.spec.params?.slice(1)).toEqual(task.spec.params?.slice(1));
  const [step] = second?.spec.steps ?? [];
  expect(step?.name).toBe("run-guidellm-v2");
  const [env, otherEnv] = [step, task.spec.steps[0]].map((one) => one?.env ?? []) as [object[], object[]];
  expect(env[0]).toEqual({ name: "ENDPOINT_URL", value: "$(params.ENDPOINT_URL)" });
  expect({ ...step, name: "", env: env.slice(1) }).toEqual({
    ...task.spec.steps[0],
    name: "",
    env: otherEnv.slice(1),
  });
});

test.each([
  ["of: a\n", "displayName"],
  ["of: a\nname: b\n", "name"],
])("an invalid file is named in the error: %j", (content, key) => {
  const directory = mkdtempSync(join(tmpdir(), "variants-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, "second"));
  writeFileSync(join(directory, "second/variant.yaml"), content);
  expect(() => readVariant(directory, "second")).toThrow(
    new RegExp(`tasks/second/variant\\.yaml: [^]*${key}`),
  );
});

test("a param that the Task lacks cannot be replaced", () => {
  const made = (changes: Partial<Variant>) => () => variantOf(task, "second", { ...variant, ...changes });
  expect(made({ param: { ...variant.param, insteadOf: "URL" } })).toThrow(
    "tasks/second/variant.yaml: the Task run-guidellm must have a param URL",
  );
  expect(made({ description: { insteadOf: "a cat", says: "a dog" } })).toThrow('"a cat" in its description');
});
