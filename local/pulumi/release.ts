import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, get as httpsGet } from "node:https";

const PROBE_TIMEOUT_MS = 5_000;
const DOWNLOAD_TIMEOUT_MS = 180_000;
const MAX_REDIRECTS = 5;

/** Pulumi's public download site. */
export const DOWNLOADS = "https://get.pulumi.com";

/** Whether the site `url` answers within a few seconds, through the proxy that the environment names, if any. */
export async function isReachable(url: string): Promise<boolean> {
  try {
    const response = await open(url, AbortSignal.timeout(PROBE_TIMEOUT_MS));
    response.destroy();
    return true;
  } catch {
    return false;
  }
}

/**
 * Downloads the CLI's release archive of `version`, checks it against the published SHA-256 and unpacks its `files`
 * into `directory`.
 */
export async function unpackRelease(
  downloads: string,
  version: string,
  files: readonly string[],
  directory: string,
): Promise<void> {
  const name = `pulumi-v${version}-${process.platform}-${process.arch}.tar.gz`;
  const signal = AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS);
  const [archive, checksums] = await Promise.all([
    read(`${downloads}/releases/sdk/${name}`, signal),
    read(`${downloads}/releases/sdk/pulumi-${version}-checksums.txt`, signal),
  ]);
  const lines = checksums.toString("utf8").split("\n");
  const expected = lines.map((line) => line.trim().split(/\s+\*?/)).find(([, file]) => file === name)?.[0];
  const actual = createHash("sha256").update(archive).digest("hex");
  if (expected !== actual) {
    throw new Error(`${name} has SHA-256 ${actual}, but ${expected ?? "none"} is published`);
  }
  const members = files.map((file) => `pulumi/${file}`);
  const tar = spawn("tar", ["-xzf", "-", "-C", directory, "--strip-components=1", ...members], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  let errors = "";
  tar.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  // tar may end before it has read everything; its exit status says why.
  tar.stdin.on("error", () => {});
  tar.stdin.end(archive);
  await new Promise<void>((resolve, reject) => {
    tar.once("error", reject);
    tar.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${name} cannot be unpacked: ${errors.trim()}`)),
    );
  });
}

async function read(url: string, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await open(url, signal)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Opens `url`, following redirects; fails on an unsuccessful response. */
async function open(url: string, signal: AbortSignal, redirects = 0): Promise<IncomingMessage> {
  const isSecure = url.startsWith("https:");
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({ proxyEnv: process.env });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    (isSecure ? httpsGet : httpGet)(url, { agent, signal }, resolve).once("error", reject);
  });
  const { statusCode = 500, headers } = response;
  if (statusCode >= 300) response.destroy();
  if (statusCode < 300) return response;
  if (statusCode < 400 && headers.location && redirects < MAX_REDIRECTS) {
    return open(new URL(headers.location, url).href, signal, redirects + 1);
  }
  throw new Error(`${url} answers with HTTP status ${statusCode}`);
}
