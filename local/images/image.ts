/** An image, and the two ways to build one: from a Go binary or from a Containerfile. */
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory, contentKey, projectDirectory } from "../paths.ts";
import { type GoToolName, goProgram, goToolDirectory } from "../toolchain/go.ts";
import { buildImage } from "./store.ts";

/** An image to build: `key` changes when anything that goes into it does. */
export interface Image {
  readonly name: string;
  /** Build time measured on two cores, for the time left in progress lines. */
  readonly seconds: number;
  readonly key: string;
  readonly build: () => Promise<void>;
  /** Images that it is built from. */
  readonly bases: readonly Image[];
  /** False for images that no pod runs: other images are built on them. */
  readonly imported: boolean;
}

export const repository = (name: string) => `modelcar.local/${name}`;

/** The image's name in Buildah's store and the node's; the tag is the key of its inputs. */
export const tag = ({ name, key }: Pick<Image, "name" | "key">) => `${repository(name)}:${key}`;
/** Tests and files that only the cluster reads: no image contains them. */
const notInImages =
  /\.pyc$|\.test\.ts$|^test_.*\.py$|_stand_in\.py$|^conftest\.py$|^fault_proxy\.py$|^requirements-(check|pytest|test)\.|^(job|task)\.yaml$/;

function filesUnder(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !notInImages.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** An image of one static binary, as the upstream projects build theirs with ko. */
export function binaryImage(name: string, tool: GoToolName, command: string, user = "65532:65532"): Image {
  const path = `/ko-app/${command}`;
  const containerfile = `FROM scratch\nCOPY binary ${path}\nUSER ${user}\nENTRYPOINT ["${path}"]\n`;
  const key = contentKey({ texts: [containerfile, goToolDirectory(tool)] });
  return {
    name,
    seconds: 5,
    key,
    bases: [],
    imported: true,
    build: () =>
      withContext(async (context) => {
        copyFileSync(goProgram(tool, command), join(context, "binary"));
        writeFileSync(join(context, "Containerfile"), containerfile);
        await buildImage({
          name: tag({ name, key }),
          containerfile: join(context, "Containerfile"),
          context,
        });
      }),
  };
}

/** Gives `work` an empty folder as build context and removes it afterwards. */
export async function withContext(work: (context: string) => Promise<void>): Promise<void> {
  const context = join(cacheDirectory, `context-${process.pid}-${Math.random().toString(36).slice(2)}`);
  mkdirSync(context, { recursive: true });
  try {
    await work(context);
  } finally {
    rmSync(context, { recursive: true });
  }
}

/** An image built from a committed Containerfile, on another of this project's images. */
export function containerfileImage(options: {
  readonly name: string;
  readonly folder: string;
  readonly context: string;
  /** Files and folders under the project that go into the image. */
  readonly sources: readonly string[];
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly bases: readonly Image[];
  readonly seconds: number;
  readonly imported: boolean;
}): Image {
  const { name, folder, buildArgs, seconds, imported, bases } = options;
  const files = options.sources.flatMap((source) => filesUnder(join(projectDirectory, source)));
  // The build arguments name the base images, by their keys.
  const key = contentKey({ texts: [JSON.stringify(buildArgs)], files });
  return {
    name,
    seconds,
    imported,
    key,
    bases,
    build: () =>
      buildImage({
        name: tag({ name, key }),
        containerfile: join(projectDirectory, folder, "Containerfile"),
        context: join(projectDirectory, options.context),
        buildArgs,
        ...(options.context === "."
          ? { ignorefile: join(projectDirectory, "images/containerignore"), usesPip: true }
          : {}),
      }),
  };
}
