import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cacheDirectory, contentKey } from "../paths.ts";
import { run } from "../run.ts";
import lock from "./debian.lock.json" with { type: "json" };

/** Version of the folder's layout: a new one needs a new folder, as changed packages do. */
const layout = "2";
const key = contentKey({ texts: [JSON.stringify(lock), layout] });

/** The folder into which the locked Debian packages are unpacked; nothing is installed on the host. */
export const debianDirectory = join(cacheDirectory, "debian", key);

/** Whether the packages are unpacked. */
export const debianToolsReady = (): boolean => existsSync(debianDirectory);

/**
 * Environment for programs of these packages: they come first on PATH. Configuration that Debian would have
 * installed under /etc is given on the command lines instead.
 */
export function debianEnvironment(environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const folders = ["usr/sbin", "usr/bin", "sbin", "bin"].map(debianProgram);
  return {
    ...environment,
    PATH: [...folders, environment.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin"].join(":"),
    XTABLES_LIBDIR: debianProgram("usr/lib/x86_64-linux-gnu/xtables"),
  };
}

/** A program of the packages, by its path under the folder (`usr/bin/containerd`). */
export const debianProgram = (path: string): string => join(debianDirectory, path);

/**
 * The address of the bookworm archive that this machine's apt uses.
 * @throws Error if apt has none.
 */
export async function bookwormArchive(): Promise<string> {
  const targets = await run("apt-get", [
    "indextargets",
    "--format",
    "$(REPO_URI) $(CODENAME) $(COMPONENT)",
    "Created-By: Packages",
  ]);
  const target = targets.split("\n").find((line) => line.endsWith(" bookworm main"));
  if (!target)
    throw new Error(
      "apt has no bookworm main archive: add one to /etc/apt/sources.list.d and run apt-get update",
    );
  return target.split(" ")[0] as string;
}

/** A Debian package of the bookworm suite. */
interface Package {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** Downloads and unpacks the locked packages, and prepares their programs to run from that folder. */
export async function unpackDebianTools(): Promise<void> {
  const work = `${debianDirectory}.partial`;
  await unpackPackages(lock, work, join(cacheDirectory, "logs", "debian.log"));
  await setLibraryPaths(work);
  linkIptables(work);
  writeFileSync(join(work, ".complete"), "");
  renameSync(work, debianDirectory);
}

/**
 * Downloads packages, checks each one's SHA-256, and unpacks them into a folder, which is recreated.
 * @throws Error if apt lacks a package or has it with another content.
 */
export async function unpackPackages(
  packages: readonly Package[],
  folder: string,
  log: string,
): Promise<void> {
  const downloads = join(folder, ".downloads");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(downloads, { recursive: true });
  const download = () =>
    run("apt-get", ["download", ...packages.map(({ name, version }) => `${name}=${version}`)], {
      cwd: downloads,
      log,
    });
  // If the package lists are missing or old, they are updated first.
  await download().catch(async () => {
    await run("apt-get", ["update"], { log });
    await download();
  });
  for (const { name, version, sha256 } of packages) {
    const file = (
      await run("find", [downloads, "-name", `${name}_${version.replaceAll(":", "%3a")}_*.deb`])
    ).trim();
    const actual = file ? createHash("sha256").update(readFileSync(file)).digest("hex") : "no file";
    if (actual !== sha256)
      throw new Error(`Debian package ${name} ${version}: has SHA-256 ${actual}, but ${sha256} is locked`);
    await run("dpkg-deb", ["-x", file, folder]);
  }
  rmSync(downloads, { recursive: true });
}

/** The names by which kube-proxy and the CNI plugins call iptables; Debian makes them when it installs the package. */
function linkIptables(directory: string): void {
  for (const command of ["iptables", "ip6tables"].flatMap((name) => [
    name,
    `${name}-save`,
    `${name}-restore`,
  ])) {
    symlinkSync("xtables-nft-multi", join(directory, "usr/sbin", command));
  }
}

/** Makes each dynamic program find the libraries beside it, even if it executes itself again with an empty environment. */
async function setLibraryPaths(directory: string): Promise<void> {
  const patchelf = join(directory, "usr/bin/patchelf");
  const libraries = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map((folder) =>
    join(debianDirectory, folder),
  );
  for (const folder of ["usr/bin", "usr/sbin", "sbin"]) {
    for (const { name, parentPath } of readdirSync(join(directory, folder), { withFileTypes: true }).filter(
      (entry) => entry.isFile(),
    )) {
      const program = join(parentPath, name);
      if (program === patchelf) continue;
      // Static programs and scripts have no interpreter and need nothing.
      const dynamic = await run(patchelf, ["--print-interpreter", program]).then(
        () => true,
        () => false,
      );
      if (dynamic) await run(patchelf, ["--force-rpath", "--set-rpath", libraries.join(":"), program]);
    }
  }
}
