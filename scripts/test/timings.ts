/** Where the minutes of a test run go: for each part its time and how busy the cores were, and its slowest files. */
import { readFileSync } from "node:fs";

/** Time that all cores together have worked and have been there, in the kernel's own unit, since it started. */
export interface CoreTime {
  readonly busy: number;
  readonly all: number;
}

/** From `/proc/stat`, of which the first line sums all cores: user, nice, system, idle, iowait, irq, softirq, steal. */
export function coreTime(stat = readFileSync("/proc/stat", "utf8")): CoreTime {
  const [line = ""] = stat.split("\n", 1);
  const fields = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = fields.reduce((sum, field) => sum + field, 0);
  return { busy: all - (fields[3] ?? 0) - (fields[4] ?? 0), all };
}

export interface FileTime {
  readonly name: string;
  readonly seconds: number;
}

/** What a part of the tests came to. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  /** What its files took; those that run side by side share that time. */
  readonly files?: readonly FileTime[];
  /** Its failed tests, each with the first line of what was wrong. */
  readonly failures?: readonly string[];
}

/** What several came to. */
export function total(counts: readonly Count[]): Required<Count> {
  return {
    passed: counts.reduce((sum, { passed }) => sum + passed, 0),
    failed: counts.reduce((sum, { failed }) => sum + failed, 0),
    files: counts.flatMap(({ files = [] }) => files),
    failures: counts.flatMap(({ failures = [] }) => failures),
  };
}

export interface PartTime {
  readonly name: string;
  readonly seconds: number;
  /** Share of all cores' time that was worked, 0 to 1; the rest was waited. */
  readonly busy: number;
  readonly files: readonly FileTime[];
}

/** Runs a part and says what it took. */
export async function timed<T extends { readonly files?: readonly FileTime[] }>(
  name: string,
  part: () => T | Promise<T>,
): Promise<{ readonly result: T; readonly time: PartTime }> {
  const [start, before] = [performance.now(), coreTime()];
  const result = await part();
  const after = coreTime();
  const busy = (after.busy - before.busy) / Math.max(1, after.all - before.all);
  const seconds = (performance.now() - start) / 1000;
  return { result, time: { name, seconds, busy, files: result.files ?? [] } };
}

/** Files that took less are left out of the table. */
const shownSeconds = 5;

/** The table of minutes, a line for each part and under it one for each file that took its time. */
export function timeTable(parts: readonly PartTime[]): string {
  const row = (seconds: number, cores: string, name: string) =>
    `${clock(seconds).padStart(7)}  ${cores.padStart(10)}  ${name}`;
  const lines = parts.flatMap(({ name, seconds, busy, files }) => [
    row(seconds, `${Math.round(busy * 100)} %`, name),
    ...files
      .filter((file) => file.seconds >= shownSeconds)
      .sort((one, other) => other.seconds - one.seconds)
      .map((file) => row(file.seconds, "", `  ${file.name}`)),
  ]);
  const total = parts.reduce((sum, { seconds }) => sum + seconds, 0);
  const busy = parts.reduce((sum, part) => sum + part.busy * part.seconds, 0) / Math.max(1, total);
  const heading = `${"min:s".padStart(7)}  ${"cores busy".padStart(10)}  part, file`;
  return [heading, ...lines, row(total, `${Math.round(busy * 100)} %`, "all")].join("\n");
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
