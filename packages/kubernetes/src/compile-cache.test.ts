import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "compile-cache-"));
  mkdirSync(join(directory, "node_modules"));
  writeFileSync(join(directory, "loaded.cjs"), "module.exports = 42;\n");
});
afterEach(() => rmSync(directory, { recursive: true }));

const cache = () => join(directory, "node_modules/.cache/node-compile-cache");

/** Loads a file in a process that is killed right after, as the engine kills a dynamic provider. */
async function load(): Promise<string> {
  const program = `
    const cache = require(${JSON.stringify(join(import.meta.dirname, "compile-cache.cjs"))});
    cache.enable();
    console.log(require("./loaded.cjs"));
    cache.flush();
    process.kill(process.pid, "SIGKILL");
  `;
  const options = { cwd: directory };
  return promisify(execFile)(process.execPath, ["-e", program], options).then(
    ({ stdout }) => stdout.trim(),
    ({ stdout }) => stdout.trim(),
  );
}

it("is kept in node_modules, even by a process that is killed", async () => {
  expect(await load()).toBe("42");
  expect(readdirSync(cache(), { recursive: true }).length).toBeGreaterThan(1);
  expect(await load()).toBe("42");
});

it("is off without node_modules", async () => {
  rmSync(join(directory, "node_modules"), { recursive: true });
  expect(await load()).toBe("42");
  expect(existsSync(cache())).toBe(false);
});
