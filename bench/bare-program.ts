/**
 * The minimum that Pulumi does for the same objects: a program that only declares them from a file, in its own project, with
 * the same provider, options and backend. Its stack is created and removed; the objects stay.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { projectDirectory } from "../local/paths.ts";
import { stackEnvironment } from "../local/stack.ts";
import { type Measured, measure } from "./process-tree.ts";

/** A declared object, as the engine has it. */
export interface DeclaredObject {
  /** Type token, for instance `kubernetes:core/v1:Secret`. */
  readonly type: string;
  readonly name: string;
  readonly inputs: unknown;
}

const source = `
import { readFileSync } from "node:fs";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
const provider = new k8s.Provider("cluster", {
  context: new pulumi.Config().require("context"), kubeconfig: "", enableServerSideApply: true,
  enableSecretMutable: true, enableConfigMapMutable: true, skipUpdateUnreachable: true,
});
for (const { type, name, inputs } of JSON.parse(readFileSync("objects.json", "utf8")))
  new pulumi.CustomResource(type, name, inputs, { provider });
`;

/** The program with its stack; the objects include secrets, so all of it stays in memory. */
export class BareProgram {
  readonly #directory = mkdtempSync("/dev/shm/modelcar-bare-");
  readonly #kubeconfig: string;

  private constructor(kubeconfig: string) {
    this.#kubeconfig = kubeconfig;
  }

  /** Declares `objects` in a new stack, which adopts those in the cluster. */
  static async deploy(
    objects: readonly DeclaredObject[],
    context: string,
    kubeconfig: string,
  ): Promise<BareProgram> {
    const program = new BareProgram(kubeconfig);
    chmodSync(program.#directory, 0o700);
    const write = (file: string, text: string) =>
      writeFileSync(join(program.#directory, file), text, { mode: 0o600 });
    mkdirSync(program.#directory, { recursive: true });
    symlinkSync(join(projectDirectory, "node_modules"), join(program.#directory, "node_modules"));
    write("package.json", JSON.stringify({ name: "bare", type: "module", main: "index.ts" }));
    write(
      "Pulumi.yaml",
      stringify({
        name: "bare",
        runtime: { name: "nodejs", options: { typescript: false } },
        options: { refresh: "always" },
      }),
    );
    write("index.ts", source);
    write("objects.json", JSON.stringify(objects));
    await program.run(["stack", "init", "bare"]);
    await program.run(["config", "set", "context", context]);
    await program.run(["up", "--yes", "--skip-preview"]);
    return program;
  }

  /** Runs the CLI. @throws Error when it fails. */
  async run(args: readonly string[]): Promise<Measured> {
    const env = { ...stackEnvironment(), KUBECONFIG: this.#kubeconfig };
    const flags = ["--non-interactive", "--color=never"];
    const measured = await measure("pulumi", [...args, ...flags], { cwd: this.#directory, env });
    if (measured.status !== 0) {
      throw new Error(
        `bare program: pulumi ${args.join(" ")}: ${measured.stdout.slice(-3000)}${measured.stderr}`,
      );
    }
    return measured;
  }

  /** Removes the stack and keeps its objects. */
  async forget(): Promise<void> {
    try {
      await this.run(["stack", "rm", "bare", "--force", "--yes"]);
    } finally {
      rmSync(this.#directory, { recursive: true, force: true });
    }
  }
}
