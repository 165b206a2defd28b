import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { installPlugins } from "./install.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const KUBERNETES = "plugins/resource-kubernetes-v4.34.2/pulumi-resource-kubernetes";

let root: string;
let lines: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "modelcar-install-"));
  lines = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const install = () =>
  installPlugins({
    pulumiHome: join(root, "home"),
    binDirectory: join(root, "bin"),
    projectDirectory: REPOSITORY,
    downloads: "https://127.0.0.1:1",
    log: (line) => lines.push(line),
  });

it("writes launchers where nothing can be downloaded, the same each time", async () => {
  const first = await install();
  expect(first.official).toEqual([]);
  expect(first.standIns).toHaveLength(5);
  expect(lines.join()).toContain("stand-ins: pulumi-resource-kubernetes");
  const launcher = join(root, "home", KUBERNETES);
  const { mtimeMs, mode } = statSync(launcher);
  expect(mode & 0o111).toBe(0o111);
  await install();
  expect(statSync(launcher).mtimeMs).toBe(mtimeMs);
  expect(readdirSync(join(root, "bin"))).toEqual(["pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"]);
});

it("leaves official plugins as they are", async () => {
  for (const path of [join("home", KUBERNETES), "bin/pulumi-language-nodejs"]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), "\x7fELF official");
  }
  const installed = await install();
  expect(installed.official).toEqual(["pulumi-resource-kubernetes", "pulumi-language-nodejs"]);
  expect(readFileSync(join(root, "home", KUBERNETES), "utf8")).toBe("\x7fELF official");
});

it("writes a launcher that starts the stand-in from anywhere", async () => {
  await install();
  const launcher = join(root, "home/plugins/resource-random-v4.21.2/pulumi-resource-random");
  // Its standard input ends at once, by which the engine says that it is gone.
  expect(execFileSync(launcher, ["127.0.0.1:1"], { cwd: root, input: "" }).toString()).toMatch(/^\d+\n$/);
});
