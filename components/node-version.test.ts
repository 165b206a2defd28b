import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
/** The output of this Node with TypeScript switched off, as in an old one. */
const withoutTypes = (script: string) =>
  run(process.execPath, ["--input-type=module", "--eval", script], {
    env: { ...process.env, NODE_OPTIONS: "--no-experimental-strip-types" },
  }).then(
    () => "",
    ({ stderr }: { stderr: string }) => stderr,
  );
const sentence =
  /Node \S+ \(\/\S+\) cannot load this program: TypeScript is switched off\. Remove --no-experimental-strip-types .*NODE_OPTIONS/;

test("the program reports it, in an error that Pulumi shows without a stack trace", async () => {
  const script =
    'import("./main.mjs").catch((e) => { console.error(e.__pulumiRunError, e.message); process.exit(1) })';
  const said = await withoutTypes(script);
  expect(said).toMatch(sentence);
  expect(said).toMatch(/^true /);
  expect(said.trim().split("\n")).toHaveLength(1);
});

test("its providers report it", async () => {
  const script = `
    import { createRequire } from "node:module";
    try { createRequire(process.cwd() + "/x")("./components/dynamic.cjs")("readiness") }
    catch (e) { console.error(e + e.stack); process.exit(1) }`;
  const said = await withoutTypes(script);
  expect(said).toMatch(sentence);
  expect(said.trim().split("\n")).toHaveLength(1);
});
