import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { holdsOf } from "./held.ts";
import { ask, firstReason, report, writeAll } from "./update.ts";

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "update-"));
});
afterEach(() => rmSync(project, { recursive: true }));

test("all files are written, or none is changed", () => {
  writeFileSync(join(project, "one"), "old");
  writeAll(project, { one: "new" });
  expect(readFileSync(join(project, "one"), "utf8")).toBe("new");
  writeFileSync(join(project, "two"), "old");
  mkdirSync(join(project, "folder"));
  expect(() => writeAll(project, { one: "newer", two: "newer", folder: "no file" })).toThrow("EISDIR");
  // The second is written before the third fails.
  const failing = {
    one: "newer",
    get two(): string {
      throw new Error("disk full");
    },
  };
  expect(() => writeAll(project, failing)).toThrow("disk full");
  expect(["one", "two"].map((file) => readFileSync(join(project, file), "utf8"))).toEqual(["new", "old"]);
});

test.each([
  [
    "npm error code ERESOLVE\nnpm error ERESOLVE could not resolve\nnpm error\nnpm error While resolving: x@1",
    "npm: ERESOLVE could not resolve",
  ],
  [
    "go: downloading example.com/a v1.0.0\ngo: example.com/a@v1: reading https://proxy/a/@v/list: 403 Forbidden\n\tserver response: no",
    "npm: example.com/a@v1: reading https://proxy/a/@v/list: 403 Forbidden",
  ],
  ["E: No packages found", "npm: No packages found"],
  ["", "npm: no reason given"],
])("one line of a tool's output is the reason: %j", (output, reason) => {
  expect(firstReason("npm", output)).toBe(reason);
});

test("a tool that fails or is missing is reported in one line", async () => {
  await expect(ask("sh", ["-c", "echo working; echo 'E: 404 not found' >&2; exit 3"])).rejects.toThrow(
    /^sh: 404 not found$/,
  );
  await expect(ask("no-such-tool", [])).rejects.toThrow(
    /^no-such-tool: cannot start no-such-tool: .*ENOENT$/,
  );
});

test("the report has the old and new version of what moved, and why a pin is held", () => {
  const moved = [
    { file: "package.json", what: "zod", from: "4.0.0", to: "4.1.0" },
    { file: "x.txt", what: "2 dependencies of these", from: "", to: "" },
  ];
  const held = [{ file: "package.json", what: "node", at: "24.1.0", reason: "tested" }];
  expect(report({ moved, held }).split("\n")).toEqual([
    "file          moved                    from   to",
    "package.json  zod                      4.0.0  4.1.0",
    "x.txt         2 dependencies of these  -",
    "",
    "file          held  at      because",
    "package.json  node  24.1.0  tested",
  ]);
  expect(report({ moved: [], held: [] })).toBe("nothing to move");
});

test("a hold on something that is no longer pinned is an error", () => {
  expect(
    holdsOf("package.json", ["@biomejs/biome", "@pulumi/kubernetes", "@types/node", "node", "typescript"]),
  ).toHaveProperty("node.within", "24");
  expect(() => holdsOf("package.json", ["zod"])).toThrow(
    "held.json holds @biomejs/biome, which package.json does not pin",
  );
  expect(holdsOf("elsewhere", [])).toEqual({});
});
