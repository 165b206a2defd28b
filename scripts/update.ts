/** `npm run update -- KIND [--dry-run]`: moves all pins of a kind at once, and reports what it moved and what it held. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectDirectory } from "../local/paths.ts";
import { updateDebian } from "./update/debian.ts";
import { updateGo } from "./update/go.ts";
import { updateNpm } from "./update/npm.ts";
import { updatePython } from "./update/python.ts";
import { report, type Update, type Updater, writeAll } from "./update/update.ts";

const kinds: Readonly<Record<string, Updater>> = {
  npm: updateNpm,
  go: updateGo,
  python: updatePython,
  debian: updateDebian,
};

const usage = `npm run update -- npm|go|python|debian|all [--dry-run]

Moves every pin of a kind to the newest version that it may move to, and reports what was moved, and what was held and why.
scripts/update/held.json lists the pins to hold. Nothing is written before every update is computed. Run npm test afterwards.

  npm      package.json here, in packages/ and in examples/, and the lock
  go       local/tools/*/go.mod, as far as replace lines permit
  python   images/*/requirements.in, tasks/requirements-*.in and their locks; needs uv on PATH
  debian   the packages of the embedded platform and its images; reads this machine's apt sources

  --dry-run  report only, write nothing`;

async function update(names: readonly string[], dryRun: boolean): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "modelcar-update-"));
  const updates: Update[] = [];
  try {
    for (const name of names) {
      const folder = join(scratch, name);
      mkdirSync(folder);
      updates.push(await (kinds[name] as Updater)(projectDirectory, folder));
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  if (!dryRun) writeAll(projectDirectory, Object.assign({}, ...updates.map(({ files }) => files)));
  const [moved, held] = [updates.flatMap((one) => one.moved), updates.flatMap((one) => one.held)];
  console.log(report({ moved, held }));
  if (moved.length > 0) console.log(dryRun ? "\nnothing was written" : "\nwritten; now run npm test");
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "dry-run": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [kind = "", ...more] = positionals;
  const names = kind === "all" ? Object.keys(kinds) : [kind];
  if (values.help) console.log(usage);
  else if (more.length > 0 || !(Object.hasOwn(kinds, kind) || kind === "all")) {
    console.error(`error: unknown or missing kind of pins\n\n${usage}`);
    process.exitCode = 2;
  } else await update(names, values["dry-run"]);
} catch (error) {
  const message = (error as Error).message;
  console.error(`error: ${message}; nothing was written${error instanceof TypeError ? `\n\n${usage}` : ""}`);
  process.exitCode = error instanceof TypeError ? 2 : 1;
}
