/** The Go modules of local/tools: what the tools are of moves, and what that needs follows. */
import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { coerce, gt } from "semver";
import { minimumGo } from "../../local/preflight.ts";
import { goEnvironment } from "../../local/toolchain/go.ts";
import { type GoModule, type GoRelease, ownPins, readReleases } from "./go-module.ts";
import { ask, firstReason, type Held, nothing, type Update } from "./update.ts";

const tools = "local/tools";

/** Moves each folder whole, or holds it with the reason. */
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
  if (!answered) throw new Error(`Go's module proxy answers nothing: ${updates[0]?.held.at(-1)?.reason}`);
  return {
    moved: updates.flatMap(({ moved }) => moved),
    held: updates.flatMap(({ held }) => held),
    files: Object.assign({}, ...updates.map(({ files }) => files)),
  };
}

async function updateFolder(
  folder: string,
  directory: string,
): Promise<{ readonly update: Update; readonly answers: readonly GoRelease[] }> {
  const [file, sums] = [`${tools}/${folder}/go.mod`, `${tools}/${folder}/go.sum`];
  const go = (...args: string[]) => ask("go", args, { cwd: directory, env: goEnvironment });
  const read = async () => JSON.parse(await go("mod", "edit", "-json")) as GoModule;
  const text = () => readFileSync(join(directory, "go.mod"), "utf8");

  const before = await read();
  const pins = ownPins(file, before);
  const held: Held[] = pins.flatMap(({ path, version, hold }) =>
    hold ? [{ file, what: path, at: version, reason: hold.because }] : [],
  );
  const free = pins.filter(({ hold }) => hold === undefined).map(({ path }) => path);
  const answers = free.length === 0 ? [] : readReleases(await go("list", "-m", "-e", "-u", "-json", ...free));
  for (const { Path, Version = "", Error: error } of answers)
    if (error) held.push({ file, what: Path, at: Version, reason: firstReason("go list", error.Err) });
  const newer = answers.flatMap(({ Path, Update }) => (Update ? [`${Path}@${Update.Version}`] : []));
  const inRange = pins.flatMap(({ path, hold }) => (hold?.within ? [`${path}@${hold.within}`] : []));
  const staying = pins.flatMap(({ path, version, replaced, hold }) =>
    hold && !hold.within && !replaced ? [`${path}@${version}`] : [],
  );
  const wanted = [...newer, ...inRange];
  if (wanted.length === 0) return { update: { ...nothing, held }, answers };

  const stay = (reason: string) => ({
    update: { ...nothing, held: [...held, { file, what: wanted.join(", "), at: "not moved", reason }] },
    answers,
  });
  try {
    if (isOnlyRead(directory, before)) {
      await go("mod", "edit", ...wanted.map((pin) => `-require=${pin}`));
      rmSync(join(directory, "go.sum"));
      await go("mod", "download", ...pins.map(({ path }) => path));
    } else {
      await go("get", ...wanted, ...staying);
      await go("mod", "tidy");
    }
  } catch (error) {
    return stay((error as Error).message);
  }
  const after = await read();
  const least = minimumGo.join(".");
  if (gt(coerce(after.Go) ?? after.Go, least))
    return stay(`needs Go ${after.Go}; this project builds with ${least}`);
  const versions = new Map(after.Require.map(({ Path, Version }) => [Path, Version]));
  const moved = before.Require.flatMap(({ Path, Version }) => {
    const to = versions.get(Path) ?? Version;
    return to === Version ? [] : [{ file, what: Path, from: Version, to }];
  });
  const own = moved.filter(({ what }) => pins.some(({ path }) => path === what));
  const others = moved.length - own.length;
  return {
    update: {
      moved:
        others > 0 ? [...own, { file, what: `${others} modules that these need`, from: "", to: "" }] : own,
      held,
      files: { [file]: text(), [sums]: readFileSync(join(directory, "go.sum"), "utf8") },
    },
    answers,
  };
}

/** Whether no program is built of the folder: `go mod tidy` would drop every module of such a one. */
const isOnlyRead = (directory: string, { Tool }: GoModule): boolean =>
  Tool === null && !readdirSync(directory, { recursive: true }).some((file) => String(file).endsWith(".go"));
