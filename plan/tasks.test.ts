import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { knownTasks } from "../pipelines/jobs.ts";
import type { Task } from "../pipelines/tekton.ts";
import { fitTask, loadTasks, taskDemand } from "./tasks.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tasks-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(folder: string, text: string): void {
  mkdirSync(join(directory, folder));
  writeFileSync(join(directory, folder, "task.yaml"), text);
}

const task = (steps: Task["spec"]["steps"]): Task => ({
  apiVersion: "tekton.dev/v1",
  kind: "Task",
  metadata: { name: "pull", labels: { version: "1" } },
  spec: { steps },
});

test("every task of the repository can be read", () => {
  expect(knownTasks).toContain("pull-model-from-huggingface");
  expect(loadTasks("tasks", knownTasks).map(({ metadata }) => metadata.name)).toEqual(knownTasks);
});

test("a missing task is an error that names its file", () => {
  expect(() => loadTasks("tasks", ["not-there"])).toThrow("tasks/not-there/task.yaml");
});

test("a file that is no Task is named in the error", () => {
  write(
    "pull",
    "apiVersion: tekton.dev/v1beta1\nkind: Task\nmetadata: { name: pull }\nspec: { steps: [] }\n",
  );
  expect(() => loadTasks(directory, ["pull"])).toThrow("tasks/pull/task.yaml: not a tekton.dev/v1 Task");
});

test("a Task must have its directory's name", () => {
  write("pull", "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: { name: fetch }\nspec: { steps: [] }\n");
  expect(() => loadTasks(directory, ["pull"])).toThrow(
    `metadata.name is "fetch", but must be the directory's name`,
  );
});

test("images are replaced with the stack's digests, for any registry and tag in the file", () => {
  const images = { tasks: "quay.test/team/tasks@sha256:1" };
  for (const image of ["modelcar.local/tasks:0.1.0", "tasks", "host:5000/tasks@sha256:9"]) {
    const fitted = fitTask(task([{ name: "run", image }]), "ai", images);
    expect(fitted.spec.steps[0]?.image).toBe("quay.test/team/tasks@sha256:1");
    expect(fitted.metadata).toEqual({ name: "pull", namespace: "ai", labels: { version: "1" } });
  }
});

test("a missing image is an error that names the key to set", () => {
  expect(() => fitTask(task([{ name: "run", image: "modelcar.local/quantize:1" }]), "ai", {})).toThrow(
    "task pull, step run: set modelcar:images.quantize for modelcar.local/quantize:1",
  );
});

test("a pod requests the sum of its steps; steps without resources have the namespace's defaults", () => {
  const computeResources = { requests: { cpu: "1", memory: "1Gi" }, limits: { memory: "2Gi" } };
  const steps = [
    { name: "a", image: "tasks", computeResources },
    { name: "b", image: "tasks" },
  ];
  expect(taskDemand(task(steps))).toEqual({
    name: "task pull",
    cpu: "1050m",
    cpuLimit: "2",
    memory: "1088Mi",
    memoryLimit: "2304Mi",
  });
});
