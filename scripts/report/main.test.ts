/** What the command finds, saves, prints and opens, with stand-ins for the API server and S3. */
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stackFileOf } from "../pipelines/test-stack.ts";
import { FakeS3 } from "./fake-s3.ts";
import type { World } from "./main.ts";
import { defaultLogin, elsewhere, TestWorld } from "./test-world.ts";

let world: TestWorld;
let s3: FakeS3;
let saved: string;

beforeEach(async () => {
  s3 = await FakeS3.start("llm-models", defaultLogin.accessKeyId);
  world = await TestWorld.start(s3.port);
  saved = mkdtempSync(join(tmpdir(), "modelcar-report-"));
});
afterEach(async () => {
  expect([...world.out, ...world.problems].join("\n")).not.toContain(defaultLogin.secretAccessKey);
  await Promise.all([world.api.stop(), s3.stop()]);
});

/** What compare-models leaves of one run. */
function stored(model: string, uid: string, time: string, passed = true): void {
  const gate = {
    figure: "error-rate",
    task: null,
    metric: null,
    value: 0.5,
    unit: "",
    relation: "≤",
    limit: 0.01,
  };
  const side = { name: model, version: "7" };
  const record = {
    version: 1,
    passed,
    model: side,
    base: { ...side, name: "big" },
    gates: [{ ...gate, passed }],
  };
  const put = (file: string, content: string) =>
    s3.objects.set(`reports/${model}/${uid}/${file}`, { content, time });
  put("report.html", `<p>${model} ${uid} ä</p>`);
  put("report.md", `# ${model}\n`);
  put("comparison.json", JSON.stringify(record));
}

const own = stackFileOf("local");
const run = (args: readonly string[], file = own, more: Partial<World> = {}) => world.run(args, file, more);
const page = (...args: string[]) => run([...args, "--directory", saved]);

test("the newest report of all models is found in the bucket alone, saved and described", async () => {
  stored("small", "1-a", "2026-01-02T00:00:00.000Z");
  stored("tiny", "2-b", "2026-01-03T00:00:00.000Z", false);
  stored("small", "3-c", "2026-01-01T00:00:00.000Z");
  s3.objects.set("reports/other.html", { content: "", time: "2026-02-01T00:00:00.000Z" });
  s3.pageSize = 2;
  expect(await page()).toBe(0);
  const file = join(saved, "tiny-2-b.html");
  expect(world.out.join("\n").replace(/\(\d+ days ago\)/, "(… ago)")).toBe(
    [
      "model:    tiny 7, compared with big 7",
      "verdict:  FAILED: 1 of 1 gate",
      "          error-rate is 0.5, must be ≤ 0.01",
      "when:     2026-01-03 00:00 UTC (… ago)",
      "place:    s3://llm-models/reports/tiny/2-b/report.html",
      `file:     ${file}`,
    ].join("\n"),
  );
  expect(readFileSync(file, "utf8")).toBe("<p>tiny 2-b ä</p>");
  expect(new Set(world.forwards)).toEqual(new Set(["model-storage/minio-1:9000"]));
  // The signature covers the Service's own name.
  expect(new Set(s3.requests.map(({ host }) => host))).toEqual(
    new Set(["minio.model-storage.svc.cluster.local:9000"]),
  );
});

test("the newest report of one model", async () => {
  stored("small", "1-a", "2026-01-02T00:00:00.000Z");
  stored("small", "3-c", "2026-01-01T00:00:00.000Z");
  stored("tiny", "2-b", "2026-01-03T00:00:00.000Z");
  expect(await page("small")).toBe(0);
  expect(world.out[0]).toContain("verdict:  passed: 1 gate");
  expect(existsSync(join(saved, "small-1-a.html"))).toBe(true);
});

test("--json and --markdown print only the file, and save or open nothing", async () => {
  stored("small", "1-a", "2026-01-02T00:00:00.000Z");
  const open = () => Promise.reject(new Error("opened"));
  expect(await run(["--json"], own, { open })).toBe(0);
  expect(await run(["--markdown"], own, { open })).toBe(0);
  expect([world.out.length, JSON.parse(world.out[0] ?? "").passed, world.out[1]]).toEqual([
    2,
    true,
    "# small",
  ]);
  expect(s3.requests.some(({ url }) => url.includes("report.html"))).toBe(false);
});

test("the page is opened on a desktop, unless --no-open is given", async () => {
  stored("small", "1-a", "2026-01-02T00:00:00.000Z");
  const opened: string[] = [];
  const open = async (file: string) => `is seen${opened.push(file)}`;
  expect(await run(["--directory", saved, "--no-open"], own, { open })).toBe(0);
  expect(opened).toEqual([]);
  expect(await run(["--directory", saved], own, { open })).toBe(0);
  expect(opened).toEqual([join(saved, "small-1-a.html")]);
  expect(world.out.at(-1)).toBe("The page is seen1.");
});

test("a page without a readable comparison.json is still saved", async () => {
  stored("small", "1-a", "2026-01-02T00:00:00.000Z");
  s3.objects.delete("reports/small/1-a/comparison.json");
  expect(await page()).toBe(0);
  expect(world.out[0]).toMatch(
    /^model: {4}small\nverdict: {2}see the page: comparison\.json beside it is missing or of an unknown version/,
  );
});

test("an object store that is not the stack's own is read directly", async () => {
  stored("small", "1-a", "2026-01-02T00:00:00.000Z");
  const file = elsewhere(`http://127.0.0.1:${s3.port}`);
  expect(await run(["--directory", saved], file)).toBe(0);
  expect([world.forwards, new Set(s3.requests.map(({ host }) => host))]).toEqual([
    [],
    new Set([`127.0.0.1:${s3.port}`]),
  ]);
});
