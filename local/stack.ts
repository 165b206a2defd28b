/** The stack `local`: sets up Pulumi's CLI for it and merges its configuration. */
import { spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { parseCommandLine } from "./command-line.ts";
import { repository } from "./images/image.ts";
import { modelTaskImages } from "./images/images.ts";
import { imageReference } from "./images/node-store.ts";
import { kubeconfigFile, projectDirectory, stateDirectory } from "./paths.ts";
import { modelcarBaseReference } from "./platform/modelcar-base.ts";
import { pulumiEnvironment, pulumiHome } from "./pulumi/environment.ts";
import { type InstalledPlugin, installedPlugins, installPlugins } from "./pulumi/install.ts";
import { run } from "./run.ts";
import { committedFile, readStackFile, type StackFile, stackName, stackRunsModels } from "./stack-file.ts";
import { goProgram } from "./toolchain/go.ts";
import { providerVersion } from "./toolchain/pulumi-kubernetes.ts";

const pulumiDirectory = join(stateDirectory, "pulumi");
const binDirectory = join(pulumiDirectory, "bin");
const configFile = join(pulumiDirectory, `Pulumi.${stackName}.yaml`);

/** The environment in which this stack's CLI runs; it contains nothing of the user's own Pulumi setup. */
export function stackEnvironment(): NodeJS.ProcessEnv {
  return pulumiEnvironment({ stateDirectory: pulumiDirectory, binDirectory, kubeconfig: kubeconfigFile });
}

/**
 * The configuration that the CLI reads: the committed file, this machine's values (image digests, the salt of its secrets), and
 * secrets that were set with `pulumi config set --secret`.
 */
export function mergeStackFile(
  committed: StackFile,
  machine: StackFile,
  images: Readonly<Record<string, string>>,
): StackFile {
  const secrets = Object.entries(machine.config ?? {}).filter(
    ([key, value]) => committed.config?.[key] === undefined && isSecret(value),
  );
  return {
    ...machine,
    ...committed,
    config: { ...committed.config, ...Object.fromEntries(secrets), "modelcar:images": images },
  };
}

const isSecret = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "secure" in value;

/** Prepares CLI, plugins, stack and configuration; quick if they are ready. */
export async function prepareStack(log: (line: string) => void): Promise<void> {
  mkdirSync(binDirectory, { recursive: true });
  provideCli();
  const environment = stackEnvironment();
  const home = pulumiHome(pulumiDirectory);
  await installPlugins({
    pulumiHome: home,
    binDirectory,
    projectDirectory,
    environment,
    built: builtPlugins(),
    log,
  });
  const machine = existsSync(configFile) ? readStackFile(configFile) : await createStack(environment);
  const images = stackImages(imageReference, modelcarBaseReference);
  writeFileSync(configFile, stringify(mergeStackFile(readStackFile(committedFile), machine, images)), {
    mode: 0o600,
  });
}

/** `modelcar:images`: what is built here, by the references that images have. */
function stackImages(reference: (name: string) => string, modelcarBase: () => string) {
  const forModelTasks = modelTaskImages.filter(({ imported }) => imported).map(({ name }) => name);
  return {
    tasks: reference("tasks"),
    "vllm-cpu": reference("vllm-cpu"),
    // Nothing runs on the stand-in nodes with GPUs, so they need no other build of vLLM.
    "vllm-cuda": reference("vllm-cpu"),
    minio: reference("minio"),
    modelRegistry: reference("model-registry"),
    mariadb: reference("mariadb"),
    ...(stackRunsModels()
      ? {
          ...Object.fromEntries(forModelTasks.map((name) => [name, reference(name)])),
          modelcarBase: modelcarBase(),
        }
      : {}),
  };
}

/**
 * The configuration as `npm start` would merge it now. Until it has built the images, `placeholders` is true and their digests
 * are zeros.
 */
export function stackFileNow(): { readonly file: StackFile; readonly placeholders: boolean } {
  const machine = readStackFile(configFile);
  const placeholder = (name: string) => `${repository(name)}@sha256:${"0".repeat(64)}`;
  const built = machine.config?.["modelcar:images"] as Readonly<Record<string, string>> | undefined;
  const images = built ?? stackImages(placeholder, () => placeholder("modelcar-base"));
  return { file: mergeStackFile(readStackFile(committedFile), machine, images), placeholders: !built };
}

/** Pulumi's own plugins that this platform builds from their modules. */
export const builtPlugins = () => ({
  kubernetes: goProgram("pulumi-kubernetes", "pulumi-resource-kubernetes"),
});

/** The resource plugins of this stack, one line each: name, version and where the code comes from. */
export async function pluginLines(): Promise<string[]> {
  const plugins = await installedPlugins({ pulumiHome: pulumiHome(pulumiDirectory), projectDirectory });
  return plugins.map((plugin) => `${plugin.name.padEnd(28)} ${describePlugin(plugin)}`);
}

function describePlugin({ version, origin }: InstalledPlugin): string {
  if (origin === "release") return `${version}, Pulumi's release`;
  if (origin === "stand-in") return `${version}, a stand-in`;
  return `${providerVersion()}, Pulumi's own code, built from its Go module`;
}

/** The CLI looks for its language host beside its own real file, so it is hard-linked or copied, not symlinked. */
function provideCli(): void {
  const source = goProgram("pulumi");
  const stamp = join(binDirectory, ".source");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === source) return;
  const target = join(binDirectory, "pulumi");
  rmSync(target, { force: true });
  try {
    linkSync(source, target);
  } catch {
    // Another file system.
    copyFileSync(source, target);
    chmodSync(target, 0o755);
  }
  writeFileSync(stamp, source);
}

/** Creates the stack beside a copy of Pulumi.yaml, so that the salt of its secrets is not written into the checkout. */
async function createStack(environment: NodeJS.ProcessEnv): Promise<StackFile> {
  const scratch = join(pulumiDirectory, "new-stack");
  mkdirSync(scratch, { recursive: true });
  copyFileSync(join(projectDirectory, "Pulumi.yaml"), join(scratch, "Pulumi.yaml"));
  writeFileSync(join(scratch, "index.ts"), "");
  await run("pulumi", ["stack", "select", "--create", stackName, "--non-interactive"], {
    cwd: scratch,
    env: environment,
  });
  await run("pulumi", ["config", "set", "--secret", "modelcar:probe", "salt", "--stack", stackName], {
    cwd: scratch,
    env: environment,
  });
  const { encryptionsalt } = readStackFile(join(scratch, `Pulumi.${stackName}.yaml`));
  rmSync(scratch, { recursive: true });
  if (!encryptionsalt) throw new Error("the Pulumi CLI made no encryption salt for the stack");
  return { encryptionsalt };
}

/** Commands that take the stack's configuration file as a flag, with their aliases. */
const withConfigFile = /^(preview|pre|up|update|destroy|down|dn|refresh|config|watch|import|logs)$/;

/**
 * The CLI's arguments for `args`: with this stack's configuration file if the command takes one. `stack rm` keeps the committed
 * file.
 */
export function ownArguments(args: readonly string[]): string[] {
  const { words, commandAt } = parseCommandLine(args);
  const [command = "help", second = ""] = words;
  const after = (at: number, ...flags: string[]) => [
    ...args.slice(0, at + 1),
    ...flags,
    ...args.slice(at + 1),
  ];
  if (withConfigFile.test(command)) return after(commandAt, "--config-file", configFile);
  if (command === "stack" && /^(rm|remove)$/.test(second)) {
    return after(args.indexOf(second, commandAt), "--preserve-config");
  }
  return args.length === 0 ? [command] : [...args];
}

/** Runs the CLI on the stack in the foreground, as `pulumi <args>` does on other stacks. Returns its exit status. */
export async function pulumi(args: readonly string[]): Promise<number> {
  const child = spawn("pulumi", ownArguments(args), {
    cwd: projectDirectory,
    // Not a flag: some commands have none, and others take the name as an operand.
    env: { ...stackEnvironment(), PULUMI_STACK: stackName },
    stdio: "inherit",
  });
  // Ctrl-C reaches the CLI directly; this process waits until the CLI has handled it.
  const ignore = () => {};
  process.on("SIGINT", ignore);
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
    });
  } finally {
    process.off("SIGINT", ignore);
  }
}

/** The stack's outputs, secrets left out. */
export async function stackOutputs(): Promise<Record<string, unknown>> {
  const output = await run("pulumi", ["stack", "output", "--json", "--stack", stackName], {
    cwd: projectDirectory,
    env: stackEnvironment(),
  });
  return JSON.parse(output) as Record<string, unknown>;
}
