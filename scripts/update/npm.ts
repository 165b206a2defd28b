/** The exact versions of package.json and the lock that follows from them. */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gt, rcompare, satisfies, subset, valid } from "semver";
import { type Hold, holdsOf } from "./held.ts";
import { ask, copyInto, type Held, type Moved, type Update } from "./update.ts";

/** The parts of package.json that say what is pinned, and how far it may move. */
export interface Manifest {
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** A version as `npm view` reports it. */
export interface Release {
  readonly version: string;
  readonly engines?: { readonly node?: string };
  readonly deprecated?: string;
}

/**
 * The newest release that a pin may move to, and why it isn't the newest of all.
 * @param runsOn whether a release's engines.node permits the Node that this package runs on.
 */
export function choose(
  pinned: string,
  releases: readonly Release[],
  hold: Hold | undefined,
  runsOn: (engines: string) => boolean,
): { readonly version: string; readonly reason?: string } {
  const stable = releases
    .filter(({ version, deprecated }) => !version.includes("-") && deprecated === undefined)
    .sort((one, other) => rcompare(one.version, other.version));
  const fits = ({ engines }: Release) => engines?.node === undefined || runsOn(engines.node);
  const inRange = ({ version }: Release) => hold === undefined || satisfies(version, hold.within ?? pinned);
  const chosen = stable.find((release) => inRange(release) && fits(release))?.version ?? pinned;
  const version = gt(chosen, pinned) ? chosen : pinned;
  const [newest] = stable;
  if (newest === undefined || !gt(newest.version, version)) return { version };
  if (!inRange(newest)) return { version, reason: hold?.because ?? "" };
  return { version, reason: `${newest.version} needs Node ${newest.engines?.node}` };
}

/** The manifests of the checkout: its own, those of its packages and those of the examples. */
const manifestFiles = (project: string): string[] =>
  globSync("{,packages/*/,examples/*/}package.json", { cwd: project }).sort();

/** The exact versions of all manifests by package name, without the checkout's own packages. */
export function pinsOf(manifests: readonly Partial<Manifest & { name: string }>[]): Map<string, string> {
  const own = new Set(manifests.map(({ name }) => name));
  const pins = manifests.flatMap(({ dependencies, devDependencies }) =>
    Object.entries({ ...dependencies, ...devDependencies }),
  );
  return new Map(pins.filter(([name, pinned]) => !own.has(name) && valid(pinned) !== null));
}

/** Moves each package to the newest version that its hold and Node permit; npm then refuses what peer dependencies do not permit. */
export async function updateNpm(project: string, scratch: string): Promise<Update> {
  const [file, lock] = ["package.json", "package-lock.json"] as const;
  const files = manifestFiles(project);
  for (const copied of [...files, lock, ".npmrc"]) copyInto(scratch, project, copied);
  const texts = new Map(files.map((path) => [path, readFileSync(join(project, path), "utf8")]));
  const manifests = [...texts.values()].map((text) => JSON.parse(text));
  const { engines, dependencies, devDependencies } = JSON.parse(texts.get(file) ?? "{}") as Manifest;
  const node = devDependencies.node ?? "";
  const pins = pinsOf(manifests);
  const holds = holdsOf(file, [...pins.keys()]);
  const moved: Moved[] = [];
  const held: Held[] = [];
  for (const [name, pinned] of pins) {
    // Only the checkout's own commands run on the pinned Node; the program runs on any that `engines` permits.
    const onlyHere = Object.hasOwn(devDependencies, name) && !Object.hasOwn(dependencies, name);
    const runsOn = (needed: string) => (onlyHere ? satisfies(node, needed) : subset(engines.node, needed));
    const { version, reason } = choose(pinned, await releasesSince(name, pinned), holds[name], runsOn);
    if (reason !== undefined) held.push({ file, what: name, at: version, reason });
    if (version === pinned) continue;
    for (const [path, text] of texts) {
      const next = text.replace(`"${name}": "${pinned}"`, `"${name}": "${version}"`);
      if (next === text) continue;
      texts.set(path, next);
      moved.push({ file: path, what: name, from: pinned, to: version });
    }
  }
  if (moved.length === 0) return { moved, held, files: {} };
  for (const [path, text] of texts) writeFileSync(join(scratch, path), text);
  await ask("npm", ["install", "--package-lock-only", "--ignore-scripts", "--no-audit"], { cwd: scratch });
  return {
    moved,
    held,
    files: { ...Object.fromEntries(texts), [lock]: readFileSync(join(scratch, lock), "utf8") },
  };
}

/** The releases of a package from the pinned one on, without those that come after its tag `latest`. */
async function releasesSince(name: string, pinned: string): Promise<Release[]> {
  const fields = ["name", "version", "engines", "deprecated", "dist-tags.latest"];
  const answer = JSON.parse(await ask("npm", ["view", `${name}@>=${pinned}`, ...fields, "--json"]));
  return [answer].flat().filter((release) => !gt(release.version, release["dist-tags.latest"]));
}
