/** The Debian packages of the embedded platform and of its images, by this machine's apt. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DebianPackage,
  packagesOfBookworm,
  unpackedPackages,
} from "../../local/toolchain/debian-packages.ts";
import { ask, type Moved, type Update } from "./update.ts";

const unpacked = "local/toolchain/debian.lock.json";
/** Lists of `name=version`, as apt takes them. */
const installed = ["local/images/base.lock.json", "local/images/mariadb.lock.json"];

/** Moves every package to the version of the suite bookworm. What a package of the base newly needs, its build says. */
export async function updateDebian(project: string): Promise<Update> {
  await ask("apt-get", ["update"]);
  const read = <T>(file: string): T => JSON.parse(readFileSync(join(project, file), "utf8"));
  const lists = new Map(installed.map((file) => [file, read<string[]>(file)]));
  const names = [...lists.values()].flat().map((pin) => nameOf(pin));
  const records = await packagesOfBookworm([...unpackedPackages, ...names]);
  const record = (name: string) => {
    const found = records.get(name);
    if (!found) throw new Error(`the suite bookworm has no package ${name}`);
    return found;
  };
  const moved: Moved[] = [];
  const files: Record<string, string> = {};
  const add = (file: string, before: ReadonlyMap<string, string>, after: unknown) => {
    for (const [what, from] of before) {
      const { version: to } = record(what);
      if (to !== from) moved.push({ file, what, from, to });
    }
    const content = `${JSON.stringify(after, null, 2)}\n`;
    if (content !== readFileSync(join(project, file), "utf8")) files[file] = content;
  };
  const locked = new Map(read<DebianPackage[]>(unpacked).map(({ name, version }) => [name, version]));
  const versions = unpackedPackages.map((name) => [name, locked.get(name) ?? ""] as const);
  add(unpacked, new Map(versions), unpackedPackages.map(record));
  for (const [file, pins] of lists) {
    const before = new Map(pins.map((pin) => [nameOf(pin), pin.slice(pin.indexOf("=") + 1)]));
    const after = pins.map((pin) => pin.replace(/=.*/, `=${record(nameOf(pin)).version}`));
    add(file, before, after);
  }
  return { moved, held: [], files };
}

/** `libc6` of `libc6:amd64=2.36-9`. */
const nameOf = (pin: string): string => pin.replace(/[:=].*/, "");
