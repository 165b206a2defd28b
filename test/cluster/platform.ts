/** Shared by the cluster tests: the project's own commands, run as a user would, with the tests' state folder. */
import { match } from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse, stringify } from "yaml";
import { goProgram } from "../../local/toolchain/go.ts";
import { alone } from "../alone.ts";

export const project = join(import.meta.dirname, "../..");
export const stateDirectory = join(project, ".local-test");
export const stackFile = join(stateDirectory, "..", ".local-test.yaml");
export const kubeconfig = join(stateDirectory, "kubeconfig");

const environment = { ...process.env, MODELCAR_STATE: stateDirectory, MODELCAR_STACK_FILE: stackFile };

export interface CommandResult {
  readonly status: number;
  readonly output: string;
  readonly seconds: number;
}

type Script = "start" | "pulumi" | "local";

/** Runs a script of the project; shows and returns its output. */
export const script = (name: Script, ...args: string[]): Promise<CommandResult> =>
  scriptOf(project, name, ...args);

/** The same for a copy of the project in another directory. */
export async function scriptOf(directory: string, name: Script, ...args: string[]): Promise<CommandResult> {
  const start = Date.now();
  const child = spawn(process.execPath, [join(directory, "scripts", `${name}.ts`), ...args], {
    env: environment,
    cwd: directory,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk;
      process.stdout.write(chunk);
    });
  }
  const status = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
  return { status, output, seconds: (Date.now() - start) / 1000 };
}

/** Pulumi's CLI on the stack, without prompts or colors. */
export const pulumi = (command: string, ...args: string[]): Promise<CommandResult> =>
  script("pulumi", command, "--non-interactive", "--color=never", ...args);

/** Writes the stack's configuration: the committed one with the changes of `edit`. */
// biome-ignore lint/suspicious/noExplicitAny: tests also write what the schema refuses.
export function configureWhole(edit: (config: any) => void = () => {}): void {
  copyFileSync(join(project, "Pulumi.local.yaml"), stackFile);
  const file = parse(readFileSync(stackFile, "utf8"));
  edit(file.config);
  writeFileSync(stackFile, stringify(file));
}

/** The same with one model that is only served, see test/alone.ts. */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export function configure(edit: (config: any) => void = () => {}): void {
  configureWhole((config) => {
    alone(config);
    edit(config);
  });
}

/** kubectl from the host's side, with the kubeconfig that users get. */
export async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    goProgram("kubernetes", "kubectl"),
    [`--kubeconfig=${kubeconfig}`, ...args],
    {
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  return stdout;
}

/** Objects of a kind as data. */
// biome-ignore lint/suspicious/noExplicitAny: objects of any kind.
export async function list(kind: string, ...args: string[]): Promise<any[]> {
  return JSON.parse(await kubectl("get", kind, ...args, "-o", "json")).items;
}

/** The stack's outputs. */
// biome-ignore lint/suspicious/noExplicitAny: typed by the program.
export async function outputs(): Promise<any> {
  const { output } = await script("pulumi", "stack", "output", "--json");
  return JSON.parse(output.slice(output.indexOf("{")));
}

/** Arguments of every process on this machine; the pods' processes are among them. */
export function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) =>
      existsSync(`/proc/${entry}/cmdline`) ? readFileSync(`/proc/${entry}/cmdline`, "utf8") : "",
    );
}

/**
 * Commands of the platform's processes, as `pgrep --full` finds them. Other tests run their own API servers at the same time, so
 * the platform's is identified by its state folder.
 */
const platformProcesses = {
  apiServer: `kube-apiserver --.*${stateDirectory}/`,
  kubelet: "kubelet --config",
  containerd: "bin/containerd --config",
  gateway: "node/gateway.ts",
} as const;

/**
 * Kills a process of the platform, as a crash would.
 * @throws Error if it is not running.
 */
export function crash(command: keyof typeof platformProcesses): void {
  const pattern = platformProcesses[command];
  const pid = execFileSync("pgrep", ["--oldest", "--full", pattern], { encoding: "utf8" }).trim();
  match(readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "), new RegExp(pattern));
  process.kill(Number(pid), "SIGKILL");
}
