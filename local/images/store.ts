/** Buildah from the unpacked Debian packages, with its own store, configuration and policy in the cache. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../paths.ts";
import { run } from "../run.ts";
import { debianEnvironment, debianProgram } from "../toolchain/debian.ts";

const storeDirectory = join(cacheDirectory, "buildah");

function storeFile(name: string, text: string): string {
  mkdirSync(storeDirectory, { recursive: true });
  const file = join(storeDirectory, name);
  if (!existsSync(file)) writeFileSync(file, text);
  return file;
}

/** Environment that keeps Buildah away from the user's own containers configuration and images. */
export function buildahEnvironment(): NodeJS.ProcessEnv {
  const storage = `[storage]\ndriver = "overlay"\ngraphroot = "${storeDirectory}/root"\nrunroot = "${storeDirectory}/run"\n`;
  return {
    ...debianEnvironment(),
    CONTAINERS_STORAGE_CONF: storeFile("storage.conf", storage),
    CONTAINERS_CONF: storeFile("containers.conf", ""),
    REGISTRIES_CONFIG_PATH: storeFile("registries.conf", ""),
    TMPDIR: storeDirectory,
  };
}

/** Everything that Buildah reads was built here, so no signature is required. */
const signaturePolicy = () =>
  storeFile("policy.json", JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));

/** Buildah's program and arguments for a sub-command. */
export const buildahCommand = (subcommand: "build" | "push", ...args: string[]): [string, string[]] => [
  debianProgram("usr/bin/buildah"),
  [subcommand, "--signature-policy", signaturePolicy(), ...args],
];

/**
 * This machine's pip settings (index, certificates) for RUN instructions: mounted during a build, never in an image.
 */
function pipSettings(): string[] {
  const settings = Object.entries(process.env)
    .filter(([name]) => /^PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT|RETRIES)$/.test(name))
    .map(([name, value]) => `${name.slice(4).toLowerCase().replaceAll("_", "-")} = ${value}\n`);
  const file = join(storeDirectory, "pip.conf");
  writeFileSync(
    file,
    `[global]\ndisable-pip-version-check = true\nno-cache-dir = true\n${settings.join("")}`,
  );
  return ["--volume", `${file}:/etc/pip.conf:ro`, "--volume", "/etc/ssl/certs:/etc/ssl/certs:ro"];
}

/** Builds a Containerfile into the store. Times in the image are zero, so equal content gives an equal image. */
export async function buildImage(options: {
  readonly name: string;
  readonly containerfile: string;
  readonly context: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly ignorefile?: string;
  /** Whether RUN instructions install Python packages and so need this machine's pip settings. */
  readonly usesPip?: boolean;
}): Promise<void> {
  const buildArgs = Object.entries(options.buildArgs ?? {}).flatMap(([key, value]) => [
    "--build-arg",
    `${key}=${value}`,
  ]);
  const [command, args] = buildahCommand(
    "build",
    "--isolation=chroot",
    "--network=host",
    "--layers",
    "--timestamp=0",
    `--ignorefile=${options.ignorefile ?? "/dev/null"}`,
    ...(options.usesPip ? pipSettings() : []),
    ...buildArgs,
    `--tag=${options.name}`,
    `--file=${options.containerfile}`,
    options.context,
  );
  await run(command, args, { env: buildahEnvironment(), log: join(cacheDirectory, "logs", "images.log") });
}

/** Digests of a built image's layers, the lowest first. */
export async function layersOf(name: string): Promise<string[]> {
  const args = ["inspect", "--type", "image", name];
  const about = JSON.parse(await run(debianProgram("usr/bin/buildah"), args, { env: buildahEnvironment() }));
  return about.OCIv1.rootfs.diff_ids;
}

/** A command to start on the host. */
export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Keeps a container of a built image while `work` runs. `inside` turns a command of the container into one to start on the host;
 * it runs in the host's network.
 * @param volumes host paths and their mount paths.
 * @throws Error if no container can be created from the image.
 */
export async function withContainer<T>(
  name: string,
  volumes: Readonly<Record<string, string>>,
  work: (inside: (command: readonly string[]) => CommandLine) => Promise<T>,
): Promise<T> {
  const env = buildahEnvironment();
  const program = debianProgram("usr/bin/buildah");
  const container = (
    await run(program, ["from", "--signature-policy", signaturePolicy(), name], { env })
  ).trim();
  try {
    const mounts = Object.entries(volumes).flatMap(([host, inside]) => ["--volume", `${host}:${inside}`]);
    const options = ["run", "--isolation=chroot", "--network=host", ...mounts, container, "--"];
    return await work((command) => ({ command: program, args: [...options, ...command], env }));
  } finally {
    await run(program, ["rm", container], { env });
  }
}

/** Runs a command in its own container and shows its output. Returns how it ended. */
export const runInImage = (
  name: string,
  command: readonly string[],
  volumes: Readonly<Record<string, string>>,
): Promise<number> =>
  withContainer(name, volumes, async (inside) => {
    const { command: program, args, env } = inside(command);
    return spawnSync(program, args, { env, stdio: ["ignore", "inherit", "inherit"] }).status ?? 1;
  });

/** Unmounts what interrupted builds left mounted in Buildah's store. No build may be running. */
export async function unmountStore(): Promise<void> {
  const mounted = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${storeDirectory}/`));
  // The deepest ones were mounted last.
  for (const path of mounted.reverse()) await run("umount", ["--lazy", path]);
}
