import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import { conventions } from "./pipeline-run/conventions.ts";

const dynamic = createRequire(join(process.cwd(), "index.ts"))("./components/dynamic.cjs");

test.each([
  ["pipeline-run", ["configure", "check", "diff", "create", "read", "update", "remove"]],
  ["readiness", ["configure", "diff", "create", "read", "update"]],
  ["cluster", ["configure", "check", "diff", "create", "read", "update"]],
])("states of all versions find the functions of %s", (folder, names) => {
  const provider = dynamic(folder);
  for (const name of names) expect(provider[name], name).toBeTypeOf("function");
});

test("the shim of the cluster refers to functions that exist", () => {
  const shim = readFileSync("components/cluster/index.ts", "utf8");
  const references = [...shim.matchAll(/require\("(.*?)"\)\("(.*?)"\)\.(\w+)\(/g)];
  expect(references.length).toBeGreaterThan(4);
  for (const [, path, folder, name = ""] of references) {
    expect([path, folder]).toEqual(["./components/dynamic.cjs", "cluster"]);
    expect(dynamic("cluster")).toHaveProperty(name);
  }
});

test("leftovers are found by the task's field manager", () => {
  const [model] = conventions.leftovers;
  expect(readFileSync("tasks/common/serving_objects.py", "utf8")).toContain(
    `FIELD_MANAGER = "${model?.fieldManager}"`,
  );
});
