import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { installedPlugins, installPlugins } from "./install.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const KUBERNETES = "home/plugins/resource-kubernetes-v4.25.0/pulumi-resource-kubernetes";

let root: string;
let lines: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "modelcar-install-"));
  lines = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const options = () => ({
  pulumiHome: join(root, "home"),
  binDirectory: join(root, "bin"),
  projectDirectory: REPOSITORY,
  built: { kubernetes: file("built/kubernetes", "\x7fELF built") },
  log: (line: string) => lines.push(line),
});
const install = async (downloads = "https://127.0.0.1:1") => {
  const plugins = await installPlugins({ ...options(), downloads });
  return Object.fromEntries(plugins.map(({ name, origin }) => [name, origin]));
};

function file(path: string, content: string): string {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  return join(root, path);
}

const WITHOUT_DOWNLOADS = {
  "pulumi-resource-kubernetes": "built",
  "pulumi-resource-random": "stand-in",
  "pulumi-resource-command": "stand-in",
  "pulumi-language-nodejs": "stand-in",
  "pulumi-resource-pulumi-nodejs": "stand-in",
};

it("links what was built and writes launchers of stand-ins for the rest, the same each time", async () => {
  expect(await install()).toEqual(WITHOUT_DOWNLOADS);
  expect(lines.join()).toContain("stand-ins: pulumi-resource-random, pulumi-resource-command");
  expect(readFileSync(join(root, KUBERNETES), "utf8")).toBe("\x7fELF built");
  const launcher = join(root, "home/plugins/resource-random-v4.21.2/pulumi-resource-random");
  const { mtimeMs, mode } = statSync(launcher);
  expect(mode & 0o111).toBe(0o111);
  expect(await install()).toEqual(WITHOUT_DOWNLOADS);
  expect(statSync(launcher).mtimeMs).toBe(mtimeMs);
  expect(readdirSync(join(root, "bin"))).toEqual(["pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"]);
});

it("leaves official plugins as they are", async () => {
  for (const path of [KUBERNETES, "bin/pulumi-language-nodejs"]) file(path, "\x7fELF official");
  expect(await install()).toEqual({
    ...WITHOUT_DOWNLOADS,
    "pulumi-resource-kubernetes": "release",
    "pulumi-language-nodejs": "release",
  });
  expect(readFileSync(join(root, KUBERNETES), "utf8")).toBe("\x7fELF official");
});

it("replaces an older built provider by a newer one", async () => {
  await install();
  const newer = file("built/newer", "\x7fELF newer");
  await installPlugins({ ...options(), built: { kubernetes: newer }, downloads: "https://127.0.0.1:1" });
  expect(readFileSync(join(root, KUBERNETES), "utf8")).toBe("\x7fELF newer");
  rmSync(newer);
  const known = await installedPlugins(options());
  expect(known.map(({ name }) => name)).toEqual(["pulumi-resource-random", "pulumi-resource-command"]);
});

it("writes a launcher that starts the stand-in from anywhere", async () => {
  await install();
  const launcher = join(root, "home/plugins/resource-random-v4.21.2/pulumi-resource-random");
  // Its standard input ends at once, which tells it that the engine is gone.
  expect(execFileSync(launcher, ["127.0.0.1:1"], { cwd: root, input: "" }).toString()).toMatch(/^\d+\n$/);
});

/** A download site that only has the CLI's release archive. */
async function releases(checksum: (archive: Buffer) => string): Promise<{ url: string; close: () => void }> {
  mkdirSync(join(root, "pulumi"));
  for (const plugin of BUNDLED)
    writeFileSync(join(root, "pulumi", plugin), `official ${plugin}`, { mode: 0o755 });
  const archive = execFileSync("tar", ["-czf", "-", "-C", root, "pulumi"]);
  const name = `pulumi-v3.250.0-${process.platform}-${process.arch}.tar.gz`;
  const server = createServer((request, response) => {
    if (request.url === `/releases/sdk/${name}`) response.end(archive);
    else if (request.url?.endsWith("-checksums.txt")) response.end(`${checksum(archive)}  ${name}\n`);
    else response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

const BUNDLED = ["pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"];
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

it("takes the language host from the CLI's release and uses stand-ins for what cannot be downloaded", async () => {
  const site = await releases(sha256);
  const installed = await install(site.url).finally(site.close);
  expect(installed).toEqual({
    ...WITHOUT_DOWNLOADS,
    ...Object.fromEntries(BUNDLED.map((plugin) => [plugin, "release"])),
  });
  expect(readFileSync(join(root, "bin/pulumi-language-nodejs"), "utf8")).toBe(
    "official pulumi-language-nodejs",
  );
});

it("does not use a release archive whose checksum is not the published one", async () => {
  const site = await releases(() => sha256(Buffer.from("another")));
  const installed = await install(site.url).finally(site.close);
  expect(installed).toEqual(WITHOUT_DOWNLOADS);
  expect(lines.join("\n")).toMatch(/could not be downloaded: .* has SHA-256 /);
  expect(readFileSync(join(root, "bin/pulumi-language-nodejs"), "utf8")).toContain("language-host.ts");
});
