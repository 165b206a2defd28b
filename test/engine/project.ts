import { spawn } from "node:child_process";
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { pulumiEnvironment, pulumiHome } from "../../local/pulumi/environment.ts";
import { installPlugins } from "../../local/pulumi/install.ts";
import { builtPlugins } from "../../local/stack.ts";
import { tool } from "./tools.ts";

const REPOSITORY = join(import.meta.dirname, "../..");

/** The result of a CLI command. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  /** Both streams together, as people see them. */
  readonly output: string;
}

/** The output of a CLI command that must succeed. */
export async function succeeds(result: Promise<CliResult>): Promise<string> {
  const { code, output } = await result;
  expect(code, output).toBe(0);
  return output;
}

/** The output of a CLI command that must fail. */
export async function fails(result: Promise<CliResult>): Promise<string> {
  const { code, output } = await result;
  expect(code, output).not.toBe(0);
  return output;
}

/** An ordinary Pulumi project in its own directory, with its own CLI and state. */
export interface Project {
  readonly directory: string;
  /** Writes files of the project, by path. */
  write(files: Record<string, string>): void;
  /** Runs the CLI. Does not throw when the CLI fails. */
  pulumi(...args: string[]): Promise<CliResult>;
  /** Runs the CLI and presses Ctrl-C as soon as its output matches `when`. */
  interrupted(when: RegExp, ...args: string[]): Promise<CliResult>;
  /** The stack's outputs, with secrets. */
  outputs(): Promise<Record<string, unknown>>;
  /** The stack's state as the backend keeps it. */
  state(): Promise<string>;
  remove(): void;
}

/** Makes a project with an empty stack `test`. */
export async function createProject(kubeconfig?: string): Promise<Project> {
  const cli = tool("pulumi");
  const root = mkdtempSync(join(tmpdir(), "modelcar-engine-"));
  const [directory, binDirectory, stateDirectory] = ["project", "bin", "state"].map((name) =>
    join(root, name),
  ) as [string, string, string];
  mkdirSync(directory);
  mkdirSync(binDirectory);
  symlinkSync(join(REPOSITORY, "node_modules"), join(directory, "node_modules"));
  linkOrCopy(cli, join(binDirectory, "pulumi"));
  const environment = pulumiEnvironment({
    stateDirectory,
    binDirectory,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
  });
  await installPlugins({
    pulumiHome: pulumiHome(stateDirectory),
    binDirectory,
    projectDirectory: REPOSITORY,
    environment,
    built: builtPlugins(),
    // Tests what runs without downloads, even if downloads are possible.
    downloads: "https://127.0.0.1:1",
    log: () => {},
  });
  const run = (args: string[], when?: RegExp) =>
    new Promise<CliResult>((resolve, reject) => {
      const child = spawn(join(binDirectory, "pulumi"), ["--non-interactive", "--color=never", ...args], {
        cwd: directory,
        env: environment,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let [stdout, output] = ["", ""];
      let isInterrupted = false;
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
        output += text;
        if (when?.test(output) && !isInterrupted) {
          isInterrupted = true;
          child.kill("SIGINT");
        }
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      child.once("error", reject);
      child.once("close", (code) => resolve({ code: code ?? -1, stdout, output }));
    });
  const pulumi = (...args: string[]) => run(args);
  const project: Project = {
    directory,
    write(files) {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(directory, path)), { recursive: true });
        writeFileSync(join(directory, path), content);
      }
    },
    pulumi,
    interrupted: (when, ...args) => run(args, when),
    async outputs() {
      return JSON.parse((await pulumi("stack", "output", "--json", "--show-secrets")).stdout);
    },
    async state() {
      return (await pulumi("stack", "export")).stdout;
    },
    remove() {
      rmSync(root, { recursive: true, force: true });
    },
  };
  project.write({
    "Pulumi.yaml": "name: engine\nruntime: { name: nodejs, options: { typescript: false } }\n",
    "package.json": JSON.stringify({
      name: "engine",
      type: "module",
      main: "index.ts",
      dependencies: { "@pulumi/kubernetes": "*", "@pulumi/random": "*", "@pulumi/command": "*" },
    }),
  });
  const created = await pulumi("stack", "init", "test");
  if (created.code !== 0) throw new Error(created.output);
  return project;
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
