/** The servers that a model comes from and goes to, each on a free port, and their use of memory, CPU and disk. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { CommandLine } from "../local/images/store.ts";
import { waitUntil } from "../local/run.ts";
import { goProgram } from "../local/toolchain/go.ts";
import { processesOf } from "./process-tree.ts";

export interface Server {
  readonly address: string;
  /** Its current memory in MiB, and its CPU seconds so far. */
  readonly usage: () => { readonly mebibytes: number; readonly cpuSeconds: number };
  readonly stop: () => Promise<void>;
}

export const s3 = { bucket: "models", accessKey: "bench-access-key", secretKey: "bench-secret-key" };

/** The local hub, from the image of the tasks, with one repository at one commit under `directory`. */
export function startHub(
  inside: (command: readonly string[]) => CommandLine,
  directory: string,
  { repository, commit }: { readonly repository: string; readonly commit: string },
): Promise<Server> {
  const declared = { repositories: [{ repository, revisions: [{ revision: commit }] }] };
  writeFileSync(join(directory, "models.json"), JSON.stringify(declared));
  const script = ["/project/hub/server.py", "/hub/models.json", "/hub"];
  return start("/healthz", (port) =>
    inside(["env", "ADDRESS=127.0.0.1", `PORT=${port}`, "python3", ...script]),
  );
}

/** Distribution's registry with an empty base image, which is also returned, by digest. */
export async function startRegistry(directory: string): Promise<Server & { readonly base: string }> {
  const file = join(directory, "config.json");
  const server = await start("/v2/", (port) => {
    const storage = { filesystem: { rootdirectory: join(directory, "data") } };
    const configuration = {
      version: 0.1,
      log: { level: "error" },
      storage,
      http: { addr: `127.0.0.1:${port}` },
    };
    writeFileSync(file, JSON.stringify(configuration));
    return {
      command: goProgram("registry"),
      args: ["serve", file],
      env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
    };
  });
  return { ...server, base: await pushEmptyBase(server.address) };
}

/** MinIO with an empty bucket. */
export function startMinio(directory: string): Promise<Server> {
  mkdirSync(join(directory, s3.bucket), { recursive: true });
  const env = {
    ...process.env,
    MINIO_ROOT_USER: s3.accessKey,
    MINIO_ROOT_PASSWORD: s3.secretKey,
    MINIO_BROWSER: "off",
  };
  return start("/minio/health/live", (port) => ({
    command: goProgram("minio"),
    args: ["server", "--quiet", "--address", `127.0.0.1:${port}`, directory],
    env,
  }));
}

/** Bytes on disk under a folder; sparse files count what they occupy. Files and folders may disappear meanwhile. */
export function bytesUnder(path: string): number {
  try {
    const about = lstatSync(path);
    if (!about.isDirectory()) return about.blocks * 512;
    return readdirSync(path).reduce((bytes, name) => bytes + bytesUnder(join(path, name)), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}

async function start(path: string, commandOf: (port: number) => CommandLine): Promise<Server> {
  const port = await freePort();
  const { command, args, env } = commandOf(port);
  // Its own process group, so that processes started by a container's program end with it.
  const child = spawn(command, args, { env, stdio: ["ignore", "ignore", "pipe"], detached: true });
  process.once("exit", () => signal(child));
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-2000);
  });
  const server: Server = {
    address: `127.0.0.1:${port}`,
    usage: () => usageOf(child),
    stop: () => stop(child),
  };
  try {
    await waitUntil(`${command} on port ${port}`, () => answers(child, `http://127.0.0.1:${port}${path}`), {
      seconds: 300,
    });
    return server;
  } catch (error) {
    await stop(child);
    throw new Error(`${(error as Error).message}\n${errors}`);
  }
}

async function answers(child: ChildProcess, url: string): Promise<true | undefined> {
  if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
  return (await fetch(url)).status < 500 ? true : undefined;
}

function usageOf({ pid }: ChildProcess) {
  const processes = pid === undefined ? [] : processesOf(pid).filter(isServer);
  return {
    mebibytes: processes.reduce((sum, { mebibytes }) => sum + mebibytes, 0),
    cpuSeconds: processes.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
  };
}

/** Buildah only holds the container around a program. */
export const isServer = ({ program }: { readonly program: string }): boolean => program !== "buildah";

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  if (signal(child)) await ended;
}

/** Ends a server with all that it has started; false if it has ended already. */
function signal({ pid, exitCode, signalCode }: ChildProcess): boolean {
  if (pid === undefined || exitCode !== null || signalCode !== null) return false;
  return process.kill(-pid, "SIGTERM");
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** An image without layers, so that only the model counts. */
async function pushEmptyBase(registry: string): Promise<string> {
  const url = `http://${registry}/v2/base`;
  const rootfs = { type: "layers", diff_ids: [] };
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", rootfs }));
  const upload = await fetch(`${url}/blobs/uploads/`, { method: "POST" });
  const location = new URL(upload.headers.get("location") ?? "", url);
  location.searchParams.set("digest", digestOf(config));
  await put(location.href, config, "application/octet-stream");
  const manifestType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: digestOf(config),
        size: config.length,
      },
      layers: [],
    }),
  );
  await put(`${url}/manifests/${digestOf(manifest)}`, manifest, manifestType);
  return `${registry}/base@${digestOf(manifest)}`;
}

async function put(url: string, body: Buffer, type: string): Promise<void> {
  const { ok, status } = await fetch(url, { method: "PUT", body, headers: { "Content-Type": type } });
  if (!ok) throw new Error(`the registry answered ${status} to the base image`);
}

const digestOf = (content: Buffer): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;
