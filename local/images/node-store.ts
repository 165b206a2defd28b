/** Builds images and imports them into the node's store, each once; from then on they are referred to by digest. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { containerdSocket } from "../node/configuration.ts";
import { runInSandbox } from "../node/sandbox.ts";
import { cacheDirectory } from "../paths.ts";
import { debianProgram } from "../toolchain/debian.ts";
import { type Image, repository, tag } from "./image.ts";
import { containerfileImages, goImages, modelTaskImages, pause } from "./images.ts";
import { streamIntoNode } from "./node-import.ts";

const recordDirectory = join(cacheDirectory, "images");
const builtFile = (image: Image) => join(recordDirectory, `${image.name}-${image.key}.built`);
const importedFile = (image: Image) => join(recordDirectory, `${image.name}-${image.key}.json`);

const importedReference = (image: Image): string =>
  JSON.parse(readFileSync(importedFile(image), "utf8")).reference as string;

/**
 * The reference by digest of an image in the node's store.
 * @throws Error if the image does not exist or is not imported yet.
 */
export function imageReference(name: string): string {
  const image = [...containerfileImages, ...modelTaskImages, ...Object.values(goImages).flat()].find(
    (candidate) => candidate.name === name,
  );
  if (!image || !existsSync(importedFile(image)))
    throw new Error(`image ${name} is not in the node's store: run npm start`);
  return importedReference(image);
}

/** containerd's name for the pods' pause image. */
export const pauseImageName = tag(pause);

/** Runs containerd's own client on the node, in the namespace of the kubelet's images. */
const ctr = (...args: string[]) =>
  runInSandbox(debianProgram("usr/bin/ctr"), [
    "--address",
    containerdSocket,
    "--namespace",
    "k8s.io",
    ...args,
  ]);

/** Whether the image is built and, if pods run it, imported. */
export async function imageReady(image: Image): Promise<boolean> {
  if (!image.imported) return imageBuilt(image);
  if (!existsSync(importedFile(image))) return false;
  return (await ctr("images", "list", "--quiet")).split("\n").includes(importedReference(image));
}

/** Whether the image was ever built with today's pins. */
export const imageBuilt = (image: Image): boolean => existsSync(builtFile(image));

/** Builds an image into Buildah's store, after its bases, unless it exists. */
async function buildOnce(image: Image): Promise<void> {
  if (imageBuilt(image)) return;
  for (const base of image.bases) await buildOnce(base);
  await image.build();
  mkdirSync(recordDirectory, { recursive: true });
  writeFileSync(builtFile(image), "");
}

/** Builds an image that tests run in and returns its name in Buildah's store. */
export async function provideTestImage(image: Image): Promise<string> {
  await buildOnce(image);
  return tag(image);
}

/**
 * Builds an image and, if pods run it, streams it from Buildah's store into the node's.
 * Its reference by digest is recorded under the cache.
 */
export async function provideImage(image: Image): Promise<void> {
  await buildOnce(image);
  if (!image.imported) return;
  const named = tag(image);
  await streamIntoNode(named, ctr);
  const digest = (await ctr("images", "list", `name==${named}`)).match(/sha256:[0-9a-f]{64}/)?.[0];
  if (!digest) throw new Error(`image ${named} was imported but the node's store has no digest for it`);
  const reference = `${repository(image.name)}@${digest}`;
  await ctr("images", "tag", "--force", named, reference);
  writeFileSync(importedFile(image), JSON.stringify({ reference }));
  await removeOthers(image.name, [named, reference]);
}

/** Removes earlier builds of an image, which nothing refers to any more; running pods keep their layers. */
async function removeOthers(name: string, kept: readonly string[]): Promise<void> {
  const others = (await ctr("images", "list", "--quiet"))
    .split("\n")
    .filter((other) => /^[^:@]*/.exec(other)?.[0] === repository(name) && !kept.includes(other));
  if (others.length > 0) await ctr("images", "remove", ...others);
}
