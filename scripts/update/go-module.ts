/** The pins of a `go.mod` of local/tools. */
import { type Hold, holdsOf } from "./held.ts";

/** The parts of `go mod edit -json` that are read here. */
export interface GoModule {
  readonly Go: string;
  readonly Require: readonly {
    readonly Path: string;
    readonly Version: string;
    readonly Indirect?: boolean;
  }[];
  readonly Replace:
    | readonly { readonly Old: { readonly Path: string }; readonly New: { readonly Version?: string } }[]
    | null;
  readonly Tool: readonly { readonly Path: string }[] | null;
}

/** A module in the output of `go list -m -e -u -json`. */
export interface GoRelease {
  readonly Path: string;
  readonly Version?: string;
  readonly Update?: { readonly Version: string };
  readonly Error?: { readonly Err: string };
}

export interface GoPin {
  readonly path: string;
  readonly version: string;
  readonly replaced: boolean;
  readonly hold?: Hold;
}

/** The tools' own modules: direct requirements, and the modules of the packages on `tool` lines. */
export function ownPins(file: string, { Require, Replace, Tool }: GoModule): GoPin[] {
  const tools = (Tool ?? []).map(({ Path }) => moduleOf(Path, Require));
  const own = Require.filter(({ Path, Indirect }) => !Indirect || tools.includes(Path));
  const holds = holdsOf(
    file,
    own.map(({ Path }) => Path),
  );
  return own.map(({ Path: path, Version: version }) => {
    const replaced = (Replace ?? []).find(({ Old }) => Old.Path === path);
    const hold = replaced ? { because: `go.mod replaces it by ${replaced.New.Version}` } : holds[path];
    return { path, version, replaced: replaced !== undefined, ...(hold && { hold }) };
  });
}

/** The required module that contains a package: the one with the longest path that the package's path begins with. */
function moduleOf(path: string, required: GoModule["Require"]): string | undefined {
  return required
    .map(({ Path }) => Path)
    .filter((module) => path === module || path.startsWith(`${module}/`))
    .sort((one, other) => other.length - one.length)[0];
}

/** Reads the output of `go list -json`, which prints one object after another. */
export function readReleases(output: string): GoRelease[] {
  return output
    .split(/^(?=\{$)/m)
    .filter((object) => object.trim() !== "")
    .map((object) => JSON.parse(object) as GoRelease);
}
