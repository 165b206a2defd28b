/** Measures a command with all processes that it starts: time, memory, CPU. Linux only. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";

export interface Measured {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
  /**
   * The largest sum of the resident memory of all its processes. Shared pages count for each process, so it is an upper
   * bound.
   */
  readonly peakMebibytes: number;
  /** That sum by program. */
  readonly mebibytesByProgram: Readonly<Record<string, number>>;
  /** The sum of all processes, as last sampled: up to one sampling interval of each is missing. */
  readonly cpuSeconds: number;
}

const everyMs = 100;
const pageBytes = 4096;
const ticksPerSecond = 100;

/** Runs a command to its end, whatever its status. */
export async function measure(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<Measured> {
  const { input, ...others } = options;
  const start = performance.now();
  const child = spawn(command, args, others);
  const end = () => child.kill();
  process.once("exit", end);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      output[name] += chunk;
    });
  }
  // A command that ends without reading its input is judged by its exit status.
  child.stdin.on("error", () => {});
  child.stdin.end(input);

  const cpu = new Map<number, number>();
  let peak: Record<string, number> = {};
  const sample = () => {
    const now: Record<string, number> = {};
    for (const { pid, program, mebibytes, cpuSeconds } of child.pid ? processesOf(child.pid) : []) {
      now[program] = (now[program] ?? 0) + mebibytes;
      cpu.set(pid, cpuSeconds);
    }
    if (sum(Object.values(now)) > sum(Object.values(peak))) peak = now;
  };
  const timer = setInterval(sample, everyMs);
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve(code ?? 1));
    });
    const seconds = (performance.now() - start) / 1000;
    const peakMebibytes = sum(Object.values(peak));
    return {
      status,
      ...output,
      seconds,
      peakMebibytes,
      mebibytesByProgram: peak,
      cpuSeconds: sum([...cpu.values()]),
    };
  } finally {
    clearInterval(timer);
    process.off("exit", end);
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** A process at one moment, with its resident memory. */
export interface Process {
  readonly pid: number;
  readonly program: string;
  readonly mebibytes: number;
  readonly cpuSeconds: number;
}

/** A process and all its descendants that still run. */
export const processesOf = (pid: number): Process[] => treeOf(pid).flatMap((each) => look(each) ?? []);

function treeOf(pid: number): number[] {
  const children = attempt(() =>
    readdirSync(`/proc/${pid}/task`)
      .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" "))
      .filter(Boolean)
      .map(Number),
  );
  return [pid, ...(children ?? []).flatMap(treeOf)];
}

function look(pid: number): Process | undefined {
  return attempt(() => {
    // After the name, which may hold anything: fields 3 and up of proc_pid_stat(5).
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    const [userTicks, systemTicks, pages] = [11, 12, 21].map((index) => Number(fields[index])) as [
      number,
      number,
      number,
    ];
    const program = programOf(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"));
    return {
      pid,
      program,
      mebibytes: (pages * pageBytes) / 2 ** 20,
      cpuSeconds: (userTicks + systemTicks) / ticksPerSecond,
    };
  });
}

/** Node scripts are listed by their own names. */
function programOf([command = "", ...args]: readonly string[]): string {
  if (args.some((argument) => argument.includes("@pulumi/pulumi/cmd/run"))) return "program";
  return basename(args.find((argument) => /-(host|provider)\.ts$/.test(argument)) ?? command);
}

/** Processes may end while they are sampled. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
