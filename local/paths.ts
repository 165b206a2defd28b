import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The root of this checkout. */
export const projectDirectory = join(import.meta.dirname, "..");

/**
 * Built tools and images, shared by all checkouts of a user and kept by `delete`: `$MODELCAR_CACHE`, else
 * `modelcar` under the XDG cache folder. Everything in it is keyed by its pins and can be removed at any time
 * while no platform runs.
 */
export const cacheDirectory =
  process.env.MODELCAR_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "modelcar");

/** State of this checkout's cluster and stack; `delete` removes it. The tests use another folder (`MODELCAR_STATE`). */
export const stateDirectory = process.env.MODELCAR_STATE ?? join(projectDirectory, ".local");

/** The cluster's own name: kubeconfig context, control group, the key of everything that is machine-wide. */
export const clusterName = "modelcar-local";

export const kubeconfigFile = join(stateDirectory, "kubeconfig");

/** Ports on the host's loopback. Environment variables override them if they are taken. */
export const apiPort = Number(process.env.MODELCAR_API_PORT ?? 16443);
export const gatewayPort = Number(process.env.MODELCAR_GATEWAY_PORT ?? 18080);

/** A short content hash over texts and files, for cache keys. */
export function contentKey(parts: { texts?: readonly string[]; files?: readonly string[] }): string {
  const hash = createHash("sha256");
  for (const text of parts.texts ?? []) hash.update(`${text}\0`);
  for (const file of parts.files ?? []) hash.update(existsSync(file) ? readFileSync(file) : "-").update("\0");
  return hash.digest("hex").slice(0, 16);
}
