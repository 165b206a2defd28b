/** An update of one kind of pins. It is computed completely in a scratch folder before anything is written. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type RunOptions, run } from "../../local/run.ts";

export interface Moved {
  /** Relative to the project. */
  readonly file: string;
  readonly what: string;
  /** Empty if it was not pinned before. */
  readonly from: string;
  readonly to: string;
}

/** A pin that stays although the registry has a newer version, or may have one. */
export interface Held {
  readonly file: string;
  readonly what: string;
  readonly at: string;
  readonly reason: string;
}

export interface Update {
  readonly moved: readonly Moved[];
  readonly held: readonly Held[];
  /** New contents by path, relative to the project. */
  readonly files: Readonly<Record<string, string>>;
}

/** Computes the update of one kind of pins. It writes only into `scratch`, an empty folder. */
export type Updater = (project: string, scratch: string) => Promise<Update>;

/**
 * Runs an ecosystem's own tool.
 * @throws Error with one line: the tool and its reason.
 */
export async function ask(command: string, args: readonly string[], options?: RunOptions): Promise<string> {
  try {
    return await run(command, args, options);
  } catch (error) {
    // The first line is that of `run` itself: the command and its status.
    const [first = "", ...said] = (error as Error).message.split("\n");
    throw new Error(firstReason(command, said.length > 0 ? said.join("\n") : first));
  }
}

/** The line of a failed tool's output that says why, without the tool's own prefix. */
export function firstReason(tool: string, output: string): string {
  const lines = output
    .split("\n")
    .map((line) => line.trim().replace(/^(npm (error|ERR!)|go:|E:|W:|error:|×)\s*/i, ""))
    .filter(
      (line) => line !== "" && !/^(code E|[{}[\]]|A complete log|go: downloading|downloading )/.test(line),
    );
  const telling = lines.find((line) =>
    /\b[45]\d\d\b|not found|cannot|could not|unable|unsatisf|conflict|no solution|requires|fail/i.test(line),
  );
  return `${tool}: ${telling ?? lines[0] ?? "no reason given"}`;
}

/** Writes every file; if one cannot be written, restores the others. */
export function writeAll(project: string, files: Readonly<Record<string, string>>): void {
  const before = Object.keys(files).map((file) => [file, readFileSync(join(project, file))] as const);
  try {
    for (const [file, content] of Object.entries(files)) writeFileSync(join(project, file), content);
  } catch (error) {
    for (const [file, content] of before) writeFileSync(join(project, file), content);
    throw error;
  }
}

/** Copies a file of the project into the scratch folder, at the same place. */
export function copyInto(scratch: string, project: string, file: string): void {
  mkdirSync(dirname(join(scratch, file)), { recursive: true });
  writeFileSync(join(scratch, file), readFileSync(join(project, file)));
}

/** What was moved and what was held, as two tables. */
export function report({ moved, held }: Pick<Update, "moved" | "held">): string {
  const tables = [
    moved.length === 0
      ? "nothing to move"
      : table(
          ["file", "moved", "from", "to"],
          moved.map(({ file, what, from, to }) => [file, what, from || "-", to]),
        ),
    ...(held.length === 0
      ? []
      : [
          table(
            ["file", "held", "at", "because"],
            held.map(({ file, what, at, reason }) => [file, what, at, reason]),
          ),
        ]),
  ];
  return tables.join("\n\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
