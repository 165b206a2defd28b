import { readdirSync, readFileSync } from "node:fs";
import { waitUntil } from "../run.ts";

/** A process that we started: its id, and its start time to recognize a reused id. */
export interface ProcessRecord {
  readonly pid: number;
  /** In clock ticks since boot: field 22 of /proc/PID/stat (proc(5)). */
  readonly startTime: string;
}

/** @throws Error if no such process is running. */
export function processRecord(pid: number): ProcessRecord {
  const startTime = startTimeOf(pid);
  if (startTime === undefined) throw new Error(`process ${pid} is not running`);
  return { pid, startTime };
}

function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the command in parentheses, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A first thread that has ended can leave others behind, which still hold the process's sockets.
    const ended = fields[0] === "Z" && readdirSync(`/proc/${pid}/task`).length <= 1;
    return ended ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export const isRunning = ({ pid, startTime }: ProcessRecord): boolean => startTimeOf(pid) === startTime;

/** Kills the process and waits until it is gone. */
export async function killProcess(record: ProcessRecord): Promise<void> {
  if (!isRunning(record)) return;
  process.kill(record.pid, "SIGKILL");
  await waitUntil(`process ${record.pid} to end`, async () => (isRunning(record) ? undefined : true), {
    seconds: 30,
    everyMs: 50,
  });
}
