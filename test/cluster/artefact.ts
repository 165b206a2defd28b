/** Pushes files into an OCI registry as `oras push` does: each file a layer that carries its name. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const digestOf = (content: Buffer) => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/**
 * Pushes the files of a folder and returns the artefact's digest.
 * @param registry base URL of the registry, without `/v2`.
 */
export async function pushArtefact(registry: string, repository: string, folder: string): Promise<string> {
  const base = `${registry}/v2/${repository}`;
  const push = async (content: Buffer, mediaType: string) => {
    const digest = digestOf(content);
    const started = await expectStatus(202, await fetch(`${base}/blobs/uploads/`, { method: "POST" }));
    const location = new URL(started.headers.get("location") ?? "", registry);
    // The registry returns its address in the cluster; tests reach it through the gateway.
    location.searchParams.set("digest", digest);
    const target = `${registry}${location.pathname}${location.search}`;
    const headers = { "content-type": "application/octet-stream" };
    await expectStatus(201, await fetch(target, { method: "PUT", headers, body: new Uint8Array(content) }));
    return { mediaType, digest, size: content.length };
  };
  const layers = [];
  for (const title of readdirSync(folder)) {
    const layer = await push(readFileSync(join(folder, title)), "application/octet-stream");
    layers.push({ ...layer, annotations: { "org.opencontainers.image.title": title } });
  }
  const empty = await push(Buffer.from("{}"), "application/vnd.oci.empty.v1+json");
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const artifactType = "application/vnd.modelcar.test";
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, artifactType, config: empty, layers }),
  );
  const digest = digestOf(manifest);
  await expectStatus(
    201,
    await fetch(`${base}/manifests/${digest}`, {
      method: "PUT",
      headers: { "content-type": mediaType },
      body: new Uint8Array(manifest),
    }),
  );
  return digest;
}

async function expectStatus(status: number, response: Response): Promise<Response> {
  if (response.status !== status) {
    throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  }
  return response;
}
