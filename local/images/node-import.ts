/**
 * Streams an image from Buildah's store into the node's. Layers that the node has already, those of the image below it, are
 * neither read nor sent again: the images that run models share 4 GiB.
 */
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../paths.ts";
import { run } from "../run.ts";
import { buildahCommand, buildahEnvironment, layersOf } from "./store.ts";

/** containerd's own client on the node, for the namespace of the kubelet's images. */
export type Ctr = (...args: string[]) => Promise<string>;

/** Where containerd keeps blobs. */
const blobs = join(cacheDirectory, "containerd/io.containerd.content.v1.content/blobs");
const pathOf = (digest: string) => digest.replace(":", "/");

export async function streamIntoNode(named: string, ctr: Ctr): Promise<void> {
  const layout = join(cacheDirectory, `import-${process.pid}-${Date.now()}`);
  const pipe = `${layout}.tar`;
  mkdirSync(layout, { recursive: true });
  try {
    const known = await knownLayers(named, ctr);
    for (const [digest, size] of known) placeholder(join(layout, "blobs", pathOf(digest)), size);
    const [command, args] = buildahCommand(
      "push",
      "--quiet",
      "--disable-compression",
      named,
      `oci:${layout}:${named}`,
    );
    await run(command, args, { env: buildahEnvironment() });
    for (const [digest] of known) rmSync(join(layout, "blobs", pathOf(digest)));
    nameIn(layout, named);
    await run("mkfifo", [pipe]);
    const archive = run("tar", ["--create", `--file=${pipe}`, `--directory=${layout}`, "."]);
    await Promise.all([archive, ctr("images", "import", "--snapshotter", "overlayfs", pipe)]);
  } finally {
    rmSync(pipe, { force: true });
    rmSync(layout, { recursive: true, force: true });
  }
}

/** Gives the layout's only image the name that containerd takes. */
function nameIn(layout: string, named: string): void {
  const file = join(layout, "index.json");
  const index = JSON.parse(readFileSync(file, "utf8"));
  index.manifests[0].annotations = { "io.containerd.image.name": named };
  writeFileSync(file, JSON.stringify(index));
}

/** The image's layers that the node has, with their sizes in bytes. */
async function knownLayers(named: string, ctr: Ctr): Promise<[string, number][]> {
  const there = new Set((await ctr("content", "list", "--quiet")).split("\n"));
  return (await layersOf(named))
    .filter((digest) => there.has(digest) && existsSync(join(blobs, pathOf(digest))))
    .map((digest) => [digest, statSync(join(blobs, pathOf(digest))).size]);
}

/** A file of holes: Buildah does not write a blob of whose size there is a file already. */
function placeholder(path: string, size: number): void {
  mkdirSync(join(path, ".."), { recursive: true });
  const file = openSync(path, "w");
  ftruncateSync(file, size);
  closeSync(file);
}
