import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { DOWNLOADS, isReachable, unpackRelease } from "./release.ts";

/** What `installPlugins` needs to know. All paths are absolute. */
export interface InstallPluginsOptions {
  /** The CLI's home (`PULUMI_HOME`), where resource plugins live. */
  readonly pulumiHome: string;
  /** Holds `pulumi`; the language host belongs beside it. */
  readonly binDirectory: string;
  /** This repository: its `node_modules` decide the plugins' versions, and the stand-ins run from it. */
  readonly projectDirectory: string;
  /** The environment for the CLI; see `pulumiEnvironment`. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Pulumi's download site; without it, the public one. */
  readonly downloads?: string;
  /** Takes one line for each thing done. */
  readonly log: (line: string) => void;
}

/** The plugins in place after an installation, by name. */
export interface InstalledPlugins {
  readonly official: string[];
  readonly standIns: string[];
}

const run = promisify(execFile);
const DOWNLOAD_TIMEOUT_MS = 180_000;
/** Every stand-in's launcher carries this line, so that an official plugin is never taken for one. */
const MARKER = "# Stand-in for an official Pulumi plugin.";
const RESOURCE_PLUGINS = ["kubernetes", "random", "command"] as const;
/** The plugins of the CLI's release archive that the program needs, and their stand-ins. */
const BUNDLED_PLUGINS: Readonly<Record<string, string>> = {
  "pulumi-language-nodejs": "language-host.ts",
  "pulumi-resource-pulumi-nodejs": "dynamic-provider.ts",
};

/**
 * Sees to it that the CLI finds the language host and the resource plugins that the program needs.
 *
 * The official ones are downloaded where that is possible; elsewhere launchers of the stand-ins in this directory are
 * written. Official plugins that are there stay as they are, and nothing is looked up when all of them are.
 */
export async function installPlugins(options: InstallPluginsOptions): Promise<InstalledPlugins> {
  const official: string[] = [];
  const standIns: string[] = [];
  const reachable = once(() => isReachable(options.downloads ?? DOWNLOADS));
  for (const name of RESOURCE_PLUGINS) {
    const version = await packageVersion(options.projectDirectory, name);
    const directory = join(options.pulumiHome, "plugins", `resource-${name}-v${version}`);
    const plugin = `pulumi-resource-${name}`;
    const isOfficial =
      (await isOfficialPlugin(join(directory, plugin))) ||
      ((await reachable()) && (await download(options, name, version, directory)));
    (isOfficial ? official : standIns).push(plugin);
    if (!isOfficial) await writeLauncher(options, join(directory, plugin), `${name}-provider.ts`);
  }
  const missing: string[] = [];
  for (const plugin of Object.keys(BUNDLED_PLUGINS)) {
    if (await isOfficialPlugin(join(options.binDirectory, plugin))) official.push(plugin);
    else missing.push(plugin);
  }
  if (missing.length > 0 && (await reachable()) && (await downloadBundled(options, missing))) {
    official.push(...missing.splice(0));
  }
  for (const plugin of missing) {
    await writeLauncher(options, join(options.binDirectory, plugin), BUNDLED_PLUGINS[plugin] ?? "");
    standIns.push(plugin);
  }
  if (standIns.length > 0) options.log(`Pulumi plugins that are stand-ins: ${standIns.join(", ")}`);
  return { official, standIns };
}

async function packageVersion(projectDirectory: string, name: string): Promise<string> {
  const path = join(projectDirectory, "node_modules/@pulumi", name, "package.json");
  const { version } = JSON.parse(await readFile(path, "utf8")) as { version: string };
  return version.replace(/^v/, "");
}

async function isOfficialPlugin(path: string): Promise<boolean> {
  return existsSync(path) && !(await readFile(path)).subarray(0, 200).toString("latin1").includes(MARKER);
}

/** Lets the CLI download and check a plugin; false when it cannot. */
async function download(
  options: InstallPluginsOptions,
  name: string,
  version: string,
  directory: string,
): Promise<boolean> {
  options.log(`Downloading the Pulumi plugin ${name} ${version} …`);
  // The CLI takes whatever lies in the plugin's directory for installed.
  await rm(directory, { recursive: true, force: true });
  try {
    await run(
      join(options.binDirectory, "pulumi"),
      ["plugin", "install", "resource", name, version, "--non-interactive"],
      {
        timeout: DOWNLOAD_TIMEOUT_MS,
        env: { ...(options.environment ?? process.env), PULUMI_HOME: options.pulumiHome },
      },
    );
    return await isOfficialPlugin(join(directory, `pulumi-resource-${name}`));
  } catch (error) {
    options.log(`The plugin ${name} ${version} could not be downloaded: ${firstLine(error)}`);
    return false;
  }
}

/** Takes plugins out of the CLI's release archive; false when it cannot. */
async function downloadBundled(options: InstallPluginsOptions, plugins: readonly string[]): Promise<boolean> {
  const version = await packageVersion(options.projectDirectory, "pulumi");
  options.log(`Downloading ${plugins.join(" and ")} ${version} …`);
  try {
    await mkdir(options.binDirectory, { recursive: true });
    await unpackRelease(options.downloads ?? DOWNLOADS, version, plugins, options.binDirectory);
    return true;
  } catch (error) {
    options.log(`${plugins.join(" and ")} could not be downloaded: ${firstLine(error)}`);
    return false;
  }
}

/** Writes the executable by which the CLI starts the stand-in `script` with this repository's Node. */
async function writeLauncher(options: InstallPluginsOptions, path: string, script: string): Promise<void> {
  const node = join(options.projectDirectory, "node_modules/.bin/node");
  const text = [
    "#!/bin/sh",
    MARKER,
    `exec ${quote(node)} ${quote(join(options.projectDirectory, "local/pulumi", script))} "$@"`,
    "",
  ].join("\n");
  if (existsSync(path) && (await readFile(path, "utf8")) === text) return;
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(`${path}.new`, text);
  await chmod(`${path}.new`, 0o755);
  await rename(`${path}.new`, path);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
}

function once<Value>(produce: () => Promise<Value>): () => Promise<Value> {
  let value: Promise<Value> | undefined;
  return () => {
    value ??= produce();
    return value;
  };
}
