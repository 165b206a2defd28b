/** What a `go.mod` of local/tools says of its pins. */
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

/** A module's answer in `go list -m -e -u -json`. */
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

/** The modules that the tools themselves are of: what is required directly, and what `tool` lines name a package of. */
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

/** The required module that a package is in: of those whose path it begins with, the longest. */
function moduleOf(path: string, required: GoModule["Require"]): string | undefined {
  return required
    .map(({ Path }) => Path)
    .filter((module) => path === module || path.startsWith(`${module}/`))
    .sort((one, other) => other.length - one.length)[0];
}

/** The answers of `go list -json`, which prints one object after the other. */
export function readReleases(output: string): GoRelease[] {
  return output
    .split(/^(?=\{$)/m)
    .filter((object) => object.trim() !== "")
    .map((object) => JSON.parse(object) as GoRelease);
}
