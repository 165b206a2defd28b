import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { nodeProblem } from "./node-version.cjs";

const run = promisify(execFile);
/** What this very Node does when it is told to take TypeScript for JavaScript, as an old one does. */
const withoutTypes = (script: string) =>
  run(process.execPath, ["--input-type=module", "--eval", script], {
    env: { ...process.env, NODE_OPTIONS: "--no-experimental-strip-types" },
  }).then(
    () => "",
    ({ stderr }: { stderr: string }) => stderr,
  );
const sentence =
  /Node \S+ \(\/\S+\) cannot load this program: TypeScript is switched off\. Remove --no-experimental-strip-types .*NODE_OPTIONS/;

test("a Node without types is told found and needed version, and what to do", () => {
  const node = { versions: { node: "20.20.2" }, features: {}, execPath: "/usr/bin/node" };
  expect(nodeProblem(node)).toMatch(
    /^Node 20\.20\.2 \(\/usr\/bin\/node\) cannot.*needs Node 22\.18 or newer/,
  );
  expect(nodeProblem({ ...node, features: { typescript: "strip" } })).toBeUndefined();
});

test.each(["20.20.2", "22.17.1", "23.5.0"])("Node %s is too old", (node) => {
  expect(nodeProblem({ versions: { node }, features: {}, execPath: "/node" })).toMatch(/needs Node 22\.18/);
});

test.each(["22.18.0", "23.6.0", "24.21.0", "25.0.0"])("Node %s has been told not to", (node) => {
  const said = nodeProblem({ versions: { node }, features: { typescript: false }, execPath: "/node" });
  expect(said).toMatch(sentence);
  expect(said).not.toMatch(/needs Node/);
});

test("the program says it, in an error that Pulumi shows without a stack", async () => {
  const script =
    'import("./main.mjs").catch((e) => { console.error(e.__pulumiRunError, e.message); process.exit(1) })';
  const said = await withoutTypes(script);
  expect(said).toMatch(sentence);
  expect(said).toMatch(/^true /);
  expect(said.trim().split("\n")).toHaveLength(1);
});

test("its providers say it", async () => {
  const script = `
    import { createRequire } from "node:module";
    try { createRequire(process.cwd() + "/x")("./components/dynamic.cjs")("readiness") }
    catch (e) { console.error(e + e.stack); process.exit(1) }`;
  const said = await withoutTypes(script);
  expect(said).toMatch(sentence);
  expect(said.trim().split("\n")).toHaveLength(1);
});
