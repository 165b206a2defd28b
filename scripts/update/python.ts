/** The locks of the Python packages of images and tests, resolved by images/lock.sh. */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { holdsOf } from "./held.ts";
import { lockedVersions, loosened, readRequirements, repinned } from "./requirements.ts";
import { ask, copyInto, type Held, type Moved, type Update } from "./update.ts";

/** Resolves all files with their pins loosened, so that uv finds compatible versions; then pins those. */
export async function updatePython(project: string, scratch: string): Promise<Update> {
  cpSync(join(project, "images"), join(scratch, "images"), { recursive: true });
  const inputs = globSync(["images/*/requirements.in", "tasks/requirements-*.in"], { cwd: project }).sort();
  for (const file of inputs) {
    mkdirSync(join(scratch, "tasks"), { recursive: true });
    copyInto(scratch, project, file);
    const input = read(project, file);
    writeFileSync(join(scratch, file), loosened(input, holdsOf(file, [...readRequirements(input).keys()])));
    // uv would keep the versions of an existing lock.
    rmSync(join(scratch, lockOf(file)), { force: true });
  }
  await ask("sh", [join(scratch, "images/lock.sh")]);
  const moved: Moved[] = [];
  const held: Held[] = [];
  const files: Record<string, string> = {};
  for (const file of inputs) {
    const [input, lock, newLock] = [
      read(project, file),
      read(project, lockOf(file)),
      read(scratch, lockOf(file)),
    ];
    const newInput = repinned(input, newLock);
    if (newInput !== input) files[file] = newInput;
    if (newLock !== lock) files[lockOf(file)] = newLock;
    const pins = readRequirements(input);
    const holds = holdsOf(file, [...pins.keys()]);
    const after = readRequirements(newInput);
    for (const [name, version] of pins) {
      const to = after.get(name) ?? version;
      if (to !== version) moved.push({ file, what: name, from: version, to });
      if (holds[name]) held.push({ file, what: name, at: to, reason: holds[name].because });
    }
    const [before, now] = [lockedVersions(lock), lockedVersions(newLock)];
    const all = [...new Set([...before.keys(), ...now.keys()])];
    const changed = all.filter((name) => before.get(name) !== now.get(name) && !after.has(name)).length;
    if (changed > 0)
      moved.push({ file: lockOf(file), what: `${changed} dependencies of these`, from: "", to: "" });
  }
  return { moved, held, files };
}

const read = (directory: string, file: string) => readFileSync(join(directory, file), "utf8");
const lockOf = (file: string) => file.replace(/\.in$/, ".txt");
