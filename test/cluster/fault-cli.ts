/** A Pulumi project of one PipelineRun, as a user has it, for the fault tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import type { RunInputs } from "@modelcar/tekton-run/runs";
import { pulumiEnvironment } from "../../local/pulumi/environment.ts";
import { type CliResult, createProject, type Project } from "../engine/project.ts";
import { kubeconfig, project as repository } from "./platform.ts";

export interface Cli {
  /** Kills only the CLI, as `kill -9` with its process id does. */
  readonly kill: () => void;
  readonly interrupt: () => void;
  readonly output: () => string;
  readonly ended: Promise<CliResult>;
}

export class FaultProject {
  readonly #project: Project;
  readonly #kubeconfig: string;

  private constructor(project: Project, file: string) {
    this.#project = project;
    this.#kubeconfig = file;
  }

  /** A project that reaches the cluster through `config`, or as the administrator. */
  static async create(config?: KubeConfig): Promise<FaultProject> {
    const project = await createProject(kubeconfig);
    const file = config ? join(project.directory, "kubeconfig") : kubeconfig;
    if (config) writeFileSync(file, config.exportConfig(), { mode: 0o600 });
    copyPackages(project.directory);
    return new FaultProject(project, file);
  }

  get directory(): string {
    return this.#project.directory;
  }

  /** Writes the program: one PipelineRun with these inputs, whose results and name are the stack's outputs. */
  declare(inputs: RunInputs): void {
    this.#project.write({
      "index.ts": `
        import { PipelineRun } from "@modelcar/tekton-run";
        const run = new PipelineRun("run", ${JSON.stringify(inputs)});
        export const { results, name, completionTime } = run;
      `,
    });
  }

  start(command: string, args: readonly string[] = [], variables: NodeJS.ProcessEnv = {}): Cli {
    const root = join(this.#project.directory, "..");
    const binDirectory = join(root, "bin");
    const env = {
      ...pulumiEnvironment({
        stateDirectory: join(root, "state"),
        binDirectory,
        kubeconfig: this.#kubeconfig,
      }),
      ...variables,
    };
    const child: ChildProcess = spawn(
      join(binDirectory, "pulumi"),
      ["--non-interactive", "--color=never", command, ...args],
      { cwd: this.#project.directory, env, stdio: ["ignore", "pipe", "pipe"] },
    );
    let [stdout, output] = ["", ""];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const ended = new Promise<CliResult>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code: code ?? -1, stdout, output }));
    });
    return {
      kill: () => void child.kill("SIGKILL"),
      interrupt: () => void child.kill("SIGINT"),
      output: () => output,
      ended,
    };
  }

  up(...args: string[]): Promise<CliResult> {
    return this.start("up", ["--yes", "--skip-preview", ...args]).ended;
  }

  run(command: string, ...args: string[]): Promise<CliResult> {
    return this.start(command, args).ended;
  }

  /** Removes the lock that a killed CLI leaves, as its user must. */
  async unlock(): Promise<void> {
    await this.run("cancel", "--yes");
  }

  async outputs(): Promise<{ results: Record<string, string>; name: string; completionTime: string }> {
    return JSON.parse((await this.run("stack", "output", "--json")).stdout);
  }

  remove(): void {
    this.#project.remove();
  }
}

/** Copies the workspace's packages into a project, so that a test can change their code; other packages stay the repository's. */
function copyPackages(directory: string): void {
  const modules = join(directory, "node_modules");
  const shared = join(repository, "node_modules");
  // The project's is a link to the repository's.
  rmSync(modules);
  mkdirSync(join(modules, "@modelcar"), { recursive: true });
  for (const name of readdirSync(shared)) {
    if (name !== "@modelcar") symlinkSync(join(shared, name), join(modules, name));
  }
  for (const name of readdirSync(join(shared, "@modelcar"))) {
    const copy = join(directory, "packages", name);
    cpSync(join(repository, "packages", name), copy, { recursive: true });
    symlinkSync(copy, join(modules, "@modelcar", name));
  }
}

/** The provider's lines in the CLI's output, without Pulumi's prefix. */
export function seen(output: string): string[] {
  return output
    .split("\n")
    .filter((line) => /\S/.test(line) && !/^@ |Duration|Resources:|^\s*\+?\s*\d+ /.test(line));
}
