/** Ruff and mypy, which check this project's Python, in a virtual environment in the cache. Nothing is installed on the host. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory, contentKey, projectDirectory } from "../paths.ts";
import { run } from "../run.ts";
import { unpackPackages } from "./debian.ts";

const lock = join(projectDirectory, "tasks/requirements-check.txt");
const log = join(cacheDirectory, "logs", "python-tools.log");

/** Debian 12's pip, for a Python without one. */
const pipPackage = {
  name: "python3-pip-whl",
  version: "23.0.1+dfsg-1",
  sha256: "cc373690a1cb469fb301b9fe0125048e3102f2e365d1b2d27cab091ec89fccdc",
};
const pipInPackage = "usr/share/python-wheels/pip-23.0.1-py3-none-any.whl/pip";

const directory = join(cacheDirectory, "python", contentKey({ files: [lock] }));

/** The Python that has the tools as modules (`-m ruff`, `-m mypy`). */
export const toolsPython = join(directory, "bin/python");

/**
 * Creates the environment from the lock with its hashes, unless it exists.
 * @throws Error if `python3` (3.11 or newer) is not on PATH, or a package cannot be downloaded.
 */
export async function providePythonTools(): Promise<void> {
  if (existsSync(directory)) return;
  const work = `${directory}.partial`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  // On Debian, `venv` needs another package to install pip, so it is left out.
  await run("python3", ["-m", "venv", "--without-pip", work], { log }).catch((error: Error) => {
    throw new Error(`Python is checked with Python 3.11 or newer: install python3. ${error.message}`);
  });
  const pip = await findPip(`${work}.pip`);
  const python = join(work, "bin/python");
  const options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--disable-pip-version-check"];
  await run("python3", [...pip, "--python", python, "install", ...options, "--requirement", lock], { log });
  rmSync(`${work}.pip`, { recursive: true, force: true });
  renameSync(work, directory);
}

/** Python's arguments for pip: the host's, or else Debian's, unpacked into the folder. */
async function findPip(folder: string): Promise<string[]> {
  const has = await run("python3", ["-m", "pip", "--version"]).then(
    () => true,
    () => false,
  );
  if (has) return ["-m", "pip"];
  await unpackPackages([pipPackage], folder, log);
  return [join(folder, pipInPackage)];
}
