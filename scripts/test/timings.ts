/** Where the minutes of a test run go: for each part its time and how busy the cores were, and its slowest files. */
import { readFileSync } from "node:fs";

/** Busy time and total time of all cores together since boot, in clock ticks. */
export interface CoreTime {
  readonly busy: number;
  readonly all: number;
}

/** Reads the first line of `/proc/stat`, which sums all cores: user, nice, system, idle, iowait, irq, softirq, steal. */
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

/** The result of a part of the tests. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  /** Times of its files; those of concurrent files overlap. */
  readonly files?: readonly FileTime[];
  /** Its failed tests, each with the first line of its error. */
  readonly failures?: readonly string[];
}

/** The sum of several results. */
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
  /** Share of all cores' time that was busy, 0 to 1. */
  readonly busy: number;
  readonly files: readonly FileTime[];
}

/** Runs a part and measures it. */
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

/** The table leaves out files that took less. */
const shownSeconds = 5;

/** The table of times: a line for each part, followed by one for each of its slow files. */
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
