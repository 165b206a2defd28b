/** What a machine must have before anything is built; one message names all that is missing. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statfsSync } from "node:fs";
import { freemem } from "node:os";
import { sandboxProcess } from "./node/sandbox.ts";
import { cacheDirectory } from "./paths.ts";

/** What was found; `undefined` if a program is missing. */
export interface Machine {
  readonly platform: string;
  readonly architecture: string;
  readonly userId: number;
  /** `ID` and `VERSION_CODENAME` of /etc/os-release. */
  readonly distribution: string;
  readonly goVersion: string | undefined;
  readonly missingPrograms: readonly string[];
  readonly availableMemoryGiB: number;
  readonly freeDiskGiB: number;
  /** Which share of the tools and of the images is still to be built, 0 to 1. */
  readonly missing: { readonly tools: number; readonly images: number };
}

/** The newest Go version that a module of `local/tools` requires. */
export const minimumGo = [1, 26, 4] as const;
/** Measured: the node with the tiny model served, beside Pulumi; building takes about as much. */
const memoryGiB = 7;
/** Measured at the worst moment of a first start: Go's caches and the tools, the images, a running cluster. */
const diskGiB = { tools: 24, images: 20, cluster: 3 };
const programs = ["apt-get", "dpkg-deb", "perl", "unshare", "nsenter", "mount", "mkfifo", "find"];

/** Everything that is wrong with a machine, each line with what to do. Empty for a suitable machine. */
export function problems(machine: Machine): string[] {
  if (machine.platform !== "linux" || machine.architecture !== "x64") {
    return [
      `it needs Linux on x86-64; this is ${machine.platform} on ${machine.architecture}: use a virtual machine with Debian 12`,
    ];
  }
  const found: string[] = [];
  if (machine.userId !== 0)
    found.push("it needs root, to make namespaces and run containers: run it with sudo or as root");
  if (machine.distribution !== "debian bookworm") {
    found.push(
      `it takes its tools from Debian 12 (bookworm) packages; this is ${machine.distribution}: use a Debian 12 machine`,
    );
  }
  if (!isAtLeast(machine.goVersion, minimumGo)) {
    const version = minimumGo.join(".");
    found.push(
      `it builds with Go ${version} or newer; found ${machine.goVersion ?? "none"}: install it from https://go.dev/dl`,
    );
  }
  if (machine.missingPrograms.length > 0)
    found.push(`these programs are not on PATH: ${machine.missingPrograms.join(", ")}`);
  if (machine.availableMemoryGiB < memoryGiB) {
    found.push(
      `it needs ${memoryGiB} GiB of free memory; ${machine.availableMemoryGiB.toFixed(1)} GiB are free`,
    );
  }
  const { missing } = machine;
  const needed = Math.ceil(diskGiB.cluster + missing.tools * diskGiB.tools + missing.images * diskGiB.images);
  if (machine.freeDiskGiB < needed) {
    found.push(
      `it needs ${needed} GiB of free disk under ${cacheDirectory}; ${machine.freeDiskGiB.toFixed(1)} GiB are free: make room or set MODELCAR_CACHE`,
    );
  }
  return found;
}

function isAtLeast(version: string | undefined, minimum: readonly number[]): boolean {
  if (version === undefined) return false;
  const numbers = version.split(".").map((part) => Number.parseInt(part, 10) || 0);
  for (const [index, least] of minimum.entries()) {
    const number = numbers[index] ?? 0;
    if (number !== least) return number > least;
  }
  return true;
}

export function inspectMachine(missing: Machine["missing"]): Machine {
  mkdirSync(cacheDirectory, { recursive: true });
  const disk = statfsSync(cacheDirectory);
  return {
    platform: process.platform,
    architecture: process.arch,
    userId: process.getuid?.() ?? -1,
    distribution: distribution(),
    goVersion: goVersion(),
    missingPrograms: programs.filter((program) => !onPath(program)),
    availableMemoryGiB: availableMemory() / 2 ** 30,
    freeDiskGiB: (disk.bavail * disk.bsize) / 2 ** 30,
    missing,
  };
}

function distribution(): string {
  if (!existsSync("/etc/os-release")) return "unknown";
  const text = readFileSync("/etc/os-release", "utf8");
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  return `${field("ID")} ${field("VERSION_CODENAME")}`;
}

function goVersion(): string | undefined {
  try {
    // GOTOOLCHAIN=local: the version that will build, not one that Go would download.
    const env = { ...process.env, GOTOOLCHAIN: "local" };
    return execFileSync("go", ["env", "GOVERSION"], { encoding: "utf8", env }).trim().replace(/^go/, "");
  } catch {
    return undefined;
  }
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? "").split(":").some((folder) => existsSync(`${folder}/${program}`));
}

function availableMemory(): number {
  if (!existsSync("/proc/meminfo")) return freemem();
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  return kibibytes ? Number(kibibytes) * 1024 : freemem();
}

/** @throws Error with every problem of this machine. */
export function checkMachine(missing: Machine["missing"]): void {
  // A running platform already uses its memory, so checking the free memory would mislead.
  if (sandboxProcess() !== undefined) return;
  const found = problems(inspectMachine(missing));
  if (found.length === 0) return;
  throw new Error(
    `this machine cannot run the embedded platform:\n${found.map((line) => `  - ${line}`).join("\n")}\nNothing was built or changed.`,
  );
}
