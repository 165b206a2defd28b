/** The images of images/, each built from its folder's Containerfile, as for any other cluster. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory } from "../paths.ts";
import { containerfileImage, type Image, repository, tag } from "./image.ts";

/** Measured on two cores; any other takes about a minute. */
const seconds: Readonly<Record<string, number>> = {
  report: 30,
  torch: 240,
  transformers: 90,
  "vllm-cpu": 240,
};
/** Images that no pod runs: other images are built on them. */
const notImported = ["torch", "transformers"];

/** What a Containerfile says about its build context and its base image. */
export interface Containerfile {
  /** The build argument that names the base image. */
  readonly argument: string;
  /** The base image, by its folder in images/. */
  readonly base: string;
  /** Other folders of the project that it copies from. */
  readonly sources: readonly string[];
}

/** Reads a Containerfile of images/. Throws if its base is not an image of this project. */
export function readContainerfile(text: string): Containerfile {
  const [, argument, base] = new RegExp(`^ARG (\\w+)=${repository("")}(\\S+)$`, "m").exec(text) ?? [];
  if (argument === undefined || base === undefined)
    throw new Error(`no line ARG NAME_IMAGE=${repository("<image>")} names the base image`);
  const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from = ""]) =>
    from.split(" "),
  );
  const folders = copied
    .filter((path) => !path.startsWith("images/"))
    // Up to the first part with a wildcard.
    .map((path) => path.replace(/\/[^/]*\*.*$/, ""));
  const sources = [...new Set(folders)].filter(
    (folder) => !folders.some((other) => folder.startsWith(`${other}/`)),
  );
  return { argument, base, sources };
}

/** All images of images/, built on `base`, each after its base. */
export function projectImages(base: Image): Image[] {
  const images = new Map([[base.name, base]]);
  const add = (name: string): Image => {
    const known = images.get(name);
    if (known) return known;
    const folder = `images/${name}`;
    const text = readFileSync(join(projectDirectory, folder, "Containerfile"), "utf8");
    const { argument, base: baseName, sources } = readContainerfile(text);
    const ownBase = add(baseName);
    const image = containerfileImage({
      name,
      folder,
      context: ".",
      sources: [folder, ...sources],
      buildArgs: { [argument]: tag(ownBase) },
      bases: [ownBase],
      seconds: seconds[name] ?? 60,
      imported: !notImported.includes(name),
    });
    images.set(name, image);
    return image;
  };
  const folders = readdirSync(join(projectDirectory, "images"), { withFileTypes: true });
  for (const { name } of folders.filter((entry) => entry.isDirectory())) add(name);
  images.delete(base.name);
  return [...images.values()];
}
