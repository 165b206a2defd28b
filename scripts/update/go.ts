/** The Go modules of local/tools: the tools' own modules move, and their dependencies follow. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { coerce, gt } from "semver";
import { minimumGo } from "../../local/preflight.ts";
import { goEnvironment } from "../../local/toolchain/go.ts";
import { type GoModule, type GoPin, type GoRelease, ownPins, readReleases } from "./go-module.ts";
import { ask, firstReason, type Held, type Update } from "./update.ts";

const tools = "local/tools";

/** Moves each folder's own modules as far as the folder's other pins and this project's Go permit. */
export async function updateGo(project: string, scratch: string): Promise<Update> {
  const folders = readdirSync(join(project, tools)).sort();
  const updates: Update[] = [];
  let answered = false;
  for (const folder of folders) {
    cpSync(join(project, tools, folder), join(scratch, folder), { recursive: true });
    const { update, answers } = await updateFolder(folder, join(scratch, folder));
    updates.push(update);
    answered ||= answers.some(({ Error: error }) => !error);
  }
  if (!answered) throw new Error(`Go's module proxy does not answer: ${updates[0]?.held.at(-1)?.reason}`);
  return {
    moved: updates.flatMap(({ moved }) => moved),
    held: updates.flatMap(({ held }) => held),
    files: Object.assign({}, ...updates.map(({ files }) => files)),
  };
}

interface Wanted {
  readonly path: string;
  readonly from: string;
  /** A version, or one of Go's version queries. */
  readonly to: string;
}

async function updateFolder(
  folder: string,
  directory: string,
): Promise<{ readonly update: Update; readonly answers: readonly GoRelease[] }> {
  const [file, sums] = [`${tools}/${folder}/go.mod`, `${tools}/${folder}/go.sum`];
  const before = await readModule(directory);
  const pins = ownPins(file, before);
  const free = pins.filter(({ hold }) => hold === undefined).map(({ path }) => path);
  const answers =
    free.length === 0 ? [] : readReleases(await go(directory, "list", "-m", "-e", "-u", "-json", ...free));
  const wanted: Wanted[] = [
    ...answers.flatMap(({ Path: path, Version: from = "", Update }) =>
      Update ? [{ path, from, to: Update.Version }] : [],
    ),
    ...pins.flatMap(({ path, version: from, hold }) =>
      hold?.within ? [{ path, from, to: hold.within }] : [],
    ),
  ];
  const refused = await moveTogetherOrAlone(directory, wanted, pins);
  const versions = new Map((await readModule(directory)).Require.map(({ Path, Version }) => [Path, Version]));
  const moved = before.Require.flatMap(({ Path, Version }) => {
    const to = versions.get(Path) ?? Version;
    return to === Version ? [] : [{ file, what: Path, from: Version, to }];
  });
  const own = moved.filter(({ what }) => wanted.some(({ path }) => path === what));
  const others = moved.length - own.length;
  const held: Held[] = [
    ...pins.flatMap(({ path, version, hold }) =>
      hold ? [{ file, what: path, at: versions.get(path) ?? version, reason: hold.because }] : [],
    ),
    ...answers.flatMap(({ Path, Version = "", Error: error }) =>
      error ? [{ file, what: Path, at: Version, reason: firstReason("go list", error.Err) }] : [],
    ),
    ...refused.map(({ path, from, to, reason }) => ({
      file,
      what: path,
      at: from,
      reason: `${to}: ${reason}`,
    })),
  ];
  return {
    update: {
      moved: [
        ...own,
        ...(others > 0 ? [{ file, what: `${others} dependencies of these`, from: "", to: "" }] : []),
      ],
      held,
      files:
        moved.length === 0
          ? {}
          : {
              [file]: readFileSync(join(directory, "go.mod"), "utf8"),
              [sums]: readFileSync(join(directory, "go.sum"), "utf8"),
            },
    },
    answers,
  };
}

const go = (directory: string, ...args: string[]): Promise<string> =>
  ask("go", args, { cwd: directory, env: goEnvironment });

const readModule = async (directory: string): Promise<GoModule> =>
  JSON.parse(await go(directory, "mod", "edit", "-json"));

/** Tries all at once and, if that fails, one after another. Returns those that cannot move, each with the reason. */
async function moveTogetherOrAlone(
  directory: string,
  wanted: readonly Wanted[],
  pins: readonly GoPin[],
): Promise<(Wanted & { readonly reason: string })[]> {
  if (wanted.length === 0) return [];
  const kept = ["go.mod", "go.sum"].map((name) => [name, readFileSync(join(directory, name))] as const);
  try {
    await move(directory, wanted, pins);
    return [];
  } catch (error) {
    for (const [name, content] of kept) writeFileSync(join(directory, name), content);
    const [first, ...others] = wanted;
    if (first && others.length === 0) return [{ ...first, reason: (error as Error).message }];
    const refused = [];
    for (const one of wanted) refused.push(...(await moveTogetherOrAlone(directory, [one], pins)));
    return refused;
  }
}

/** Moves modules in a folder's go.mod and go.sum. Throws if they conflict with the held ones or with this project's Go. */
async function move(directory: string, wanted: readonly Wanted[], pins: readonly GoPin[]): Promise<void> {
  const versions = wanted.map(({ path, to }) => `${path}@${to}`);
  if (isOnlyRead(directory, await readModule(directory))) {
    await go(directory, "mod", "edit", ...versions.map((version) => `-require=${version}`));
    rmSync(join(directory, "go.sum"));
    await go(directory, "mod", "download", ...pins.map(({ path }) => path));
  } else {
    const held = pins.filter(({ hold, replaced }) => hold && !hold.within && !replaced);
    await go(directory, "get", ...versions, ...held.map(({ path, version }) => `${path}@${version}`));
    await go(directory, "mod", "tidy");
  }
  const { Go } = await readModule(directory);
  const least = minimumGo.join(".");
  if (gt(coerce(Go) ?? Go, least)) throw new Error(`needs Go ${Go}; this project builds with ${least}`);
}

/** Whether no program is built from the folder: `go mod tidy` would drop all of its modules. */
const isOnlyRead = (directory: string, { Tool }: GoModule): boolean =>
  Tool === null && !readdirSync(directory, { recursive: true }).some((file) => String(file).endsWith(".go"));
