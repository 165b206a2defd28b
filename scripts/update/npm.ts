/** The exact versions of package.json and the lock that follows from them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gt, rcompare, satisfies, subset } from "semver";
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

/** Moves each package to the newest version that its hold and Node permit; npm then refuses what peer dependencies do not permit. */
export async function updateNpm(project: string, scratch: string): Promise<Update> {
  const [file, lock] = ["package.json", "package-lock.json"] as const;
  for (const copied of [file, lock, ".npmrc"]) copyInto(scratch, project, copied);
  let text = readFileSync(join(project, file), "utf8");
  const manifest = JSON.parse(text) as Manifest;
  const { engines, dependencies, devDependencies } = manifest;
  const node = devDependencies.node ?? "";
  const pins = { ...dependencies, ...devDependencies };
  const holds = holdsOf(file, Object.keys(pins));
  const moved: Moved[] = [];
  const held: Held[] = [];
  for (const [name, pinned] of Object.entries(pins)) {
    // Only the checkout's own commands run on the pinned Node; the program runs on any that `engines` permits.
    const runsOn = (needed: string) =>
      Object.hasOwn(dependencies, name) ? subset(engines.node, needed) : satisfies(node, needed);
    const { version, reason } = choose(pinned, await releasesSince(name, pinned), holds[name], runsOn);
    if (reason !== undefined) held.push({ file, what: name, at: version, reason });
    if (version === pinned) continue;
    moved.push({ file, what: name, from: pinned, to: version });
    text = text.replace(`"${name}": "${pinned}"`, `"${name}": "${version}"`);
  }
  if (moved.length === 0) return { moved, held, files: {} };
  writeFileSync(join(scratch, file), text);
  await ask("npm", ["install", "--package-lock-only", "--ignore-scripts", "--no-audit"], { cwd: scratch });
  return { moved, held, files: { [file]: text, [lock]: readFileSync(join(scratch, lock), "utf8") } };
}

/** The releases of a package from the pinned one on, without those that come after its tag `latest`. */
async function releasesSince(name: string, pinned: string): Promise<Release[]> {
  const fields = ["name", "version", "engines", "deprecated", "dist-tags.latest"];
  const answer = JSON.parse(await ask("npm", ["view", `${name}@>=${pinned}`, ...fields, "--json"]));
  return [answer].flat().filter((release) => !gt(release.version, release["dist-tags.latest"]));
}
