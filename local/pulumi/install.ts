import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, open, readFile, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
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
  /** Pulumi's download site. Default: the public one. */
  readonly downloads?: string;
  /** Official plugins that were built here, by name (`kubernetes`): used if they cannot be downloaded. */
  readonly built: Readonly<Partial<Record<ResourcePlugin, string>>>;
  /** Receives one line for each action. */
  readonly log: (line: string) => void;
}

/**
 * Where a plugin's code comes from: Pulumi's release, a build of Pulumi's own module, or a stand-in in this directory.
 */
export type PluginOrigin = "release" | "built" | "stand-in";

/** An installed plugin. */
export interface InstalledPlugin {
  readonly name: string;
  readonly version: string;
  readonly origin: PluginOrigin;
}

const run = promisify(execFile);
const DOWNLOAD_TIMEOUT_MS = 180_000;
/** Every stand-in's launcher contains this line, which tells it from an official plugin. */
const MARKER = "# Stand-in for an official Pulumi plugin.";
const RESOURCE_PLUGINS = ["kubernetes", "random", "command"] as const;
type ResourcePlugin = (typeof RESOURCE_PLUGINS)[number];
/** The plugins of the CLI's release archive that the program needs, and their stand-ins. */
const BUNDLED_PLUGINS: Readonly<Record<string, string>> = {
  "pulumi-language-nodejs": "language-host.ts",
  "pulumi-resource-pulumi-nodejs": "dynamic-provider.ts",
};

/**
 * Installs the language host and the resource plugins that the program needs where the CLI finds them.
 *
 * Official plugins are downloaded if possible. Otherwise plugins that were built here are linked, and the others are replaced by
 * launchers of the stand-ins in this directory. Official plugins that are already installed stay as they are; if all are,
 * nothing is looked up.
 */
export async function installPlugins(options: InstallPluginsOptions): Promise<InstalledPlugin[]> {
  const { projectDirectory, binDirectory, downloads = DOWNLOADS, log } = options;
  const reachable = once(() => isReachable(downloads));
  const installed: InstalledPlugin[] = [];
  for (const name of RESOURCE_PLUGINS) {
    const version = await packageVersion(projectDirectory, name);
    const path = pluginFile(options.pulumiHome, name, version);
    const origin = (await originOf(path)) ?? "stand-in";
    if (origin === "release" || ((await reachable()) && (await download(options, name, version, path)))) {
      installed.push({ name: basename(path), version, origin: "release" });
    } else if (options.built[name]) {
      await linkTo(options.built[name], path);
      installed.push({ name: basename(path), version, origin: "built" });
    } else {
      await writeLauncher(options, path, `${name}-provider.ts`);
      installed.push({ name: basename(path), version, origin: "stand-in" });
    }
  }
  const version = await packageVersion(projectDirectory, "pulumi");
  const bundled = Object.keys(BUNDLED_PLUGINS);
  const isThere = async (plugin: string) => (await originOf(join(binDirectory, plugin))) === "release";
  const missing: string[] = [];
  for (const plugin of bundled) if (!(await isThere(plugin))) missing.push(plugin);
  if (missing.length > 0 && (await reachable()) && (await downloadBundled(options, version, missing))) {
    missing.splice(0);
  }
  for (const plugin of missing)
    await writeLauncher(options, join(binDirectory, plugin), BUNDLED_PLUGINS[plugin] ?? "");
  const origin = (plugin: string) => (missing.includes(plugin) ? "stand-in" : "release");
  installed.push(...bundled.map((name) => ({ name, version, origin: origin(name) }) as const));
  const standIns = installed.filter((plugin) => plugin.origin === "stand-in");
  if (standIns.length > 0)
    log(`Pulumi plugins that are stand-ins: ${standIns.map(({ name }) => name).join(", ")}`);
  return installed;
}

/** Where the CLI looks for a resource plugin. */
const pluginFile = (pulumiHome: string, name: ResourcePlugin, version: string): string =>
  join(pulumiHome, "plugins", `resource-${name}-v${version}`, `pulumi-resource-${name}`);

/** The installed resource plugins; empty if nothing is installed yet. */
export async function installedPlugins(
  options: Pick<InstallPluginsOptions, "pulumiHome" | "projectDirectory">,
): Promise<InstalledPlugin[]> {
  const found: InstalledPlugin[] = [];
  for (const name of RESOURCE_PLUGINS) {
    const version = await packageVersion(options.projectDirectory, name);
    const path = pluginFile(options.pulumiHome, name, version);
    const origin = await originOf(path);
    if (origin) found.push({ name: basename(path), version, origin });
  }
  return found;
}

async function packageVersion(projectDirectory: string, name: string): Promise<string> {
  const path = join(projectDirectory, "node_modules/@pulumi", name, "package.json");
  const { version } = JSON.parse(await readFile(path, "utf8")) as { version: string };
  return version.replace(/^v/, "");
}

/** Where the code of an installed plugin comes from; `undefined` if there is none. */
async function originOf(path: string): Promise<PluginOrigin | undefined> {
  // Only this function makes links, whether or not the target still exists.
  if (await readlink(path).catch(() => undefined)) return existsSync(path) ? "built" : undefined;
  if (!existsSync(path)) return undefined;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(200), 0, 200, 0);
    return buffer.toString("latin1", 0, bytesRead).includes(MARKER) ? "stand-in" : "release";
  } finally {
    await file.close();
  }
}

/** Links `path` to a program that was built here. */
async function linkTo(program: string, path: string): Promise<void> {
  if ((await readlink(path).catch(() => undefined)) === program) return;
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await symlink(program, path);
}

/** Lets the CLI download and check a plugin; false when it cannot. */
async function download(
  options: InstallPluginsOptions,
  name: ResourcePlugin,
  version: string,
  path: string,
): Promise<boolean> {
  options.log(`Downloading the Pulumi plugin ${name} ${version} …`);
  // The CLI takes a plugin for installed if its directory contains anything.
  await rm(dirname(path), { recursive: true, force: true });
  try {
    await run(
      join(options.binDirectory, "pulumi"),
      ["plugin", "install", "resource", name, version, "--non-interactive"],
      {
        timeout: DOWNLOAD_TIMEOUT_MS,
        env: { ...(options.environment ?? process.env), PULUMI_HOME: options.pulumiHome },
      },
    );
    return (await originOf(path)) === "release";
  } catch (error) {
    options.log(`The plugin ${name} ${version} could not be downloaded: ${firstLine(error)}`);
    return false;
  }
}

/** Extracts plugins from the CLI's release archive; false when it cannot. */
async function downloadBundled(
  options: InstallPluginsOptions,
  version: string,
  plugins: readonly string[],
): Promise<boolean> {
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

/** Writes the executable with which the CLI starts the stand-in `script` with this repository's Node. */
async function writeLauncher(options: InstallPluginsOptions, path: string, script: string): Promise<void> {
  const node = join(options.projectDirectory, "node_modules/.bin/node");
  const text = [
    "#!/bin/sh",
    MARKER,
    `exec ${quote(node)} ${quote(join(options.projectDirectory, "local/pulumi", script))} "$@"`,
    "",
  ].join("\n");
  if (existsSync(path) && (await readFile(path, "utf8")) === text) return;
  await mkdir(dirname(path), { recursive: true });
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
