/** The images of images/, each built of its folder's Containerfile as on any other cluster. */
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
/** What only other images stand on. */
const notImported = ["torch", "transformers"];

/** What a Containerfile says of its context and of the image that it stands on. */
export interface Containerfile {
  /** The build argument that names the image below. */
  readonly argument: string;
  /** The image below, by its folder in images/. */
  readonly on: string;
  /** Folders of the project, beside its own, that it copies from. */
  readonly sources: readonly string[];
}

/** Reads a Containerfile of images/. Throws where it stands on none of this project's images. */
export function readContainerfile(text: string): Containerfile {
  const [, argument, on] = new RegExp(`^ARG (\\w+)=${repository("")}(\\S+)$`, "m").exec(text) ?? [];
  if (argument === undefined || on === undefined)
    throw new Error(`no line ARG NAME_IMAGE=${repository("<image>")} says what it stands on`);
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
  return { argument, on, sources };
}

/** All images of images/ on `base`, each after the one that it stands on. */
export function projectImages(base: Image): Image[] {
  const images = new Map([[base.name, base]]);
  const add = (name: string): Image => {
    const known = images.get(name);
    if (known) return known;
    const folder = `images/${name}`;
    const text = readFileSync(join(projectDirectory, folder, "Containerfile"), "utf8");
    const { argument, on, sources } = readContainerfile(text);
    const below = add(on);
    const image = containerfileImage({
      name,
      folder,
      context: ".",
      sources: [folder, ...sources],
      buildArgs: { [argument]: tag(below) },
      on: [below],
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
