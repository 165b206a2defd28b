/** The pins of a `requirements.in` and its lock. */
import type { Hold } from "./held.ts";

const pin = /^([A-Za-z0-9._-]+)(\[[^\]]*\])?==(\S+)$/gm;

/** Package → version of the pins of a `requirements.in`. */
export function readRequirements(text: string): Map<string, string> {
  return new Map([...text.matchAll(pin)].map(([, name = "", , version = ""]) => [name, version]));
}

/** The same file with each pin loosened as far as its hold permits: any version, a range, or unchanged. */
export function loosened(text: string, holds: Readonly<Record<string, Hold>>): string {
  return text.replace(pin, (line, name: string, extras = "") => {
    const hold = holds[name];
    return hold && hold.within === undefined ? line : `${name}${extras}${hold?.within ?? ""}`;
  });
}

/** The same file with each pin at the lock's version. */
export function repinned(text: string, lock: string): string {
  const versions = lockedVersions(lock);
  return text.replace(
    pin,
    (_, name: string, extras = "", version: string) =>
      `${name}${extras}==${versions.get(normal(name)) ?? version}`,
  );
}

/** Package, in PyPI's normal form → version of a lock that uv wrote. */
export function lockedVersions(lock: string): Map<string, string> {
  const pins = lock.matchAll(/^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)/gm);
  return new Map([...pins].map(([, name = "", version = ""]) => [normal(name), version]));
}

const normal = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, "-");
