/** The TaskRun matches the Task, and builds from its ConfigMap. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { taskAccount, taskJob } from "../../pipelines/jobs.ts";

const [source, run] = parseAllDocuments(readFileSync("examples/build-runtime/taskrun.yaml", "utf8")).map(
  (document) => document.toJS(),
);
const task = parse(readFileSync("tasks/build-runtime/task.yaml", "utf8")).spec;

interface Named {
  readonly name: string;
  readonly type?: string;
  readonly value?: unknown;
  readonly default?: unknown;
  readonly optional?: boolean;
}

test("it sets all required params and workspaces of the Task, and no unknown ones", () => {
  expect([run.spec.taskRef.name, run.spec.serviceAccountName]).toEqual([
    "build-runtime",
    taskAccount("build-runtime"),
  ]);
  expect(taskJob("build-runtime").reaches).toContain("imageRegistry");
  for (const [given, taken] of [
    [run.spec.params, task.params],
    [run.spec.workspaces, task.workspaces],
  ] as [Named[], Named[]][]) {
    const names = given.map(({ name }) => name);
    expect(taken.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    const needed = taken.filter((one) => one.default === undefined && !one.optional);
    expect(names).toEqual(expect.arrayContaining(needed.map(({ name }) => name)));
    for (const { name, value } of given)
      expect(Array.isArray(value), name).toBe(taken.find((one) => one.name === name)?.type === "array");
  }
});

test("the ConfigMap has the files that the Containerfile copies, and its arguments are set", () => {
  const [workspace] = run.spec.workspaces;
  expect(workspace).toEqual({ name: "source", configMap: { name: source.metadata.name } });
  const file: string = source.data.Containerfile;
  for (const [, name = ""] of file.matchAll(/^COPY (\S+) /gm)) expect(source.data).toHaveProperty([name]);
  const [{ value: given }] = run.spec.params.filter(({ name }: Named) => name === "BUILD_ARGS");
  const names = given.map((argument: string) => argument.split("=")[0]);
  expect(names).toEqual([...file.matchAll(/^ARG (\w+)$/gm)].map(([, name]) => name));
});

test("its pod may create a user namespace without being root", () => {
  const { securityContext } = run.spec.podTemplate;
  expect(securityContext).toMatchObject({ runAsNonRoot: true });
  expect(securityContext).not.toHaveProperty("seccompProfile");
});
