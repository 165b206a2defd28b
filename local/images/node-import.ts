/**
 * Streams an image from Buildah's store into the node's, without an intermediate copy. If the node already has most of the layers
 * (those of the base image), only the others are written out and sent: the images that run models share 4 GiB.
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

/** Runs containerd's own client on the node, in the namespace of the kubelet's images. */
export type Ctr = (...args: string[]) => Promise<string>;

const blobs = join(cacheDirectory, "containerd/io.containerd.content.v1.content/blobs");
const pathOf = (digest: string) => digest.replace(":", "/");

/** Bytes of known layers that make it worthwhile to write the other layers out before sending them. */
const worthwhile = 2 ** 30;

/** Copies a built image into the node's store under the same name. */
export async function streamIntoNode(named: string, ctr: Ctr): Promise<void> {
  const scratch = join(cacheDirectory, `import-${process.pid}-${Date.now()}`);
  const [layout, pipe] = [join(scratch, "layout"), join(scratch, "image.tar")];
  mkdirSync(layout, { recursive: true });
  try {
    const known = await knownLayers(named, ctr);
    const spared = known.reduce((total, [, size]) => total + size, 0) >= worthwhile;
    if (spared) await writeLayout(named, layout, known);
    await run("mkfifo", [pipe]);
    const sent = spared
      ? run("tar", ["--create", `--file=${pipe}`, `--directory=${layout}`, "."])
      : push(named, `docker-archive:${pipe}:${named}`);
    await Promise.all([sent, ctr("images", "import", "--snapshotter", "overlayfs", pipe)]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function push(named: string, target: string): Promise<string> {
  const [command, args] = buildahCommand("push", "--quiet", "--disable-compression", named, target);
  return run(command, args, { env: buildahEnvironment() });
}

/** Writes the image as an OCI layout without the known layers. */
async function writeLayout(
  named: string,
  layout: string,
  known: readonly (readonly [string, number])[],
): Promise<void> {
  for (const [digest, size] of known) placeholder(join(layout, "blobs", pathOf(digest)), size);
  await push(named, `oci:${layout}:${named}`);
  for (const [digest] of known) rmSync(join(layout, "blobs", pathOf(digest)));
  nameIn(layout, named);
}

/** Sets the name under which containerd imports the layout's only image. */
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

/** Makes a sparse file: Buildah does not write a blob if a file of its size exists. */
function placeholder(path: string, size: number): void {
  mkdirSync(join(path, ".."), { recursive: true });
  const file = openSync(path, "w");
  ftruncateSync(file, size);
  closeSync(file);
}
