import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { nodeProblem } from "./node-version.cjs";

const run = promisify(execFile);
/** What this very Node does when it takes TypeScript for JavaScript, as an old one does. */
const old = (script: string) =>
  run(process.execPath, ["--no-experimental-strip-types", "--input-type=module", "--eval", script]).then(
    () => "",
    ({ stderr }: { stderr: string }) => stderr,
  );
const sentence =
  /Node \S+ \(\/\S+\) cannot load this program: it needs Node 22\.18 or newer .*Put such a Node first on PATH/;

test("a Node without types is told found and needed version, and what to do", () => {
  const node = { versions: { node: "20.20.2" }, features: {}, execPath: "/usr/bin/node" };
  expect(nodeProblem(node)).toMatch(
    /^Node 20\.20\.2 \(\/usr\/bin\/node\) cannot.*needs Node 22\.18 or newer/,
  );
  expect(nodeProblem({ ...node, features: { typescript: "strip" } })).toBeUndefined();
});

test("the program says it, in an error that Pulumi shows without a stack", async () => {
  const script =
    'import("./main.mjs").catch((e) => { console.error(e.__pulumiRunError, e.message); process.exit(1) })';
  const said = await old(script);
  expect(said).toMatch(sentence);
  expect(said).toMatch(/^true /);
  expect(said.trim().split("\n")).toHaveLength(1);
});

test("its providers say it", async () => {
  const script = `
    import { createRequire } from "node:module";
    try { createRequire(process.cwd() + "/x")("./components/dynamic.cjs")("readiness") }
    catch (e) { console.error(e + e.stack); process.exit(1) }`;
  const said = await old(script);
  expect(said).toMatch(sentence);
  expect(said.trim().split("\n")).toHaveLength(1);
});
