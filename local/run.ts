import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Written to the command's standard input. */
  readonly input?: string | Buffer;
  /** A file to which standard output and error are appended; a failure's error contains its last lines. */
  readonly log?: string;
}

/**
 * Runs a command to its end and returns its standard output.
 * @throws Error with the command's name, its exit status and the last lines that it wrote.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  if (options.log) mkdirSync(dirname(options.log), { recursive: true });
  const log = options.log ? createWriteStream(options.log, { flags: "a" }) : undefined;
  const child = spawn(command, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env ?? process.env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => {
    log?.write(chunk);
    if (!log || stdout.length < 10_000) stdout.push(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    log?.write(chunk);
    stderr.push(chunk);
  });
  // A command that ends without reading its input is judged by its exit status.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input);
  const status = await new Promise<number | string>((resolve, reject) => {
    child.on("error", (error) => reject(new Error(`cannot start ${command}: ${error.message}`)));
    child.on("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  if (log) await new Promise((resolve) => log.end(resolve));
  const output = Buffer.concat(stdout).toString();
  if (status === 0) return output;
  const said = options.log ? readFileSync(options.log, "utf8") : output + Buffer.concat(stderr).toString();
  const lastLines = said.trimEnd().split("\n").slice(-15).join("\n  ");
  const where = options.log ? ` (full log: ${options.log})` : "";
  throw new Error(`${command} ${args[0] ?? ""} failed with ${status}${where}:\n  ${lastLines}`);
}

/** Calls `attempt` every `everyMs` until it returns a value. At the deadline, fails with the reason of the last error. */
export async function waitUntil<T>(
  what: string,
  attempt: () => Promise<T | undefined>,
  { seconds, everyMs = 250 }: { seconds: number; everyMs?: number },
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let reason = "";
  for (;;) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
    } catch (error) {
      reason = `: ${(error as Error).message}`;
    }
    if (Date.now() > deadline) throw new Error(`timed out after ${seconds} s waiting for ${what}${reason}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
