/** The Debian packages of the embedded platform and of its images, read from this machine's apt. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DebianPackage,
  packagesOfBookworm,
  unpackedPackages,
} from "../../local/toolchain/debian-packages.ts";
import { ask, type Moved, type Update } from "./update.ts";

/** Every package of the base image, as `name=version`. */
const base = "local/images/base.lock.json";
/** Packages with their hashes, by file. */
const hashed: Readonly<Record<string, readonly string[]>> = {
  "local/toolchain/debian.lock.json": unpackedPackages,
  "local/images/mariadb.lock.json": ["mariadb-server-core"],
};

/** Moves every package to its version in the suite bookworm. The base image's build reports packages that are needed in addition. */
export async function updateDebian(project: string): Promise<Update> {
  await ask("apt-get", ["update"]);
  const read = <T>(file: string): T => JSON.parse(readFileSync(join(project, file), "utf8"));
  const pins = read<string[]>(base);
  const records = await packagesOfBookworm([...Object.values(hashed).flat(), ...pins.map(nameOf)]);
  const record = (name: string) => {
    const found = records.get(name);
    if (!found) throw new Error(`the suite bookworm has no package ${name}`);
    return found;
  };
  const moved: Moved[] = [];
  const files: Record<string, string> = {};
  const add = (
    file: string,
    before: ReadonlyMap<string, string>,
    names: readonly string[],
    after: unknown,
  ) => {
    const changes = names.flatMap((what) => {
      const [from, to] = [before.get(what) ?? "", record(what).version];
      return to === from ? [] : [{ file, what, from, to }];
    });
    moved.push(...changes);
    if (changes.length > 0 || before.size !== names.length)
      files[file] = `${JSON.stringify(after, null, 2)}\n`;
  };
  for (const [file, names] of Object.entries(hashed)) {
    const locked = read<DebianPackage[]>(file).map(({ name, version }) => [name, version] as const);
    add(file, new Map(locked), names, names.map(record));
  }
  const versions = pins.map((pin) => [nameOf(pin), pin.slice(pin.indexOf("=") + 1)] as const);
  const after = pins.map((pin) => pin.replace(/=.*/, `=${record(nameOf(pin)).version}`));
  add(base, new Map(versions), pins.map(nameOf), after);
  return { moved, held: [], files };
}

/** `libc6` of `libc6:amd64=2.36-9`. */
const nameOf = (pin: string): string => pin.replace(/[:=].*/, "");
