import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory } from "../../local/paths.ts";
import { run } from "../../local/run.ts";
import { type Manifest, publishedManifest } from "./manifest.ts";

/** Folders under packages/, each after its dependencies. */
export const packages = ["kubernetes", "tekton-run", "kserve-readiness"] as const;
export type PackageFolder = (typeof packages)[number];

/**
 * Compiles the packages and writes a tarball of each into an existing folder. Returns the tarballs' paths.
 * @throws Error with the compiler's or npm's own message.
 */
export async function packPackages(destination: string): Promise<Record<PackageFolder, string>> {
  const tarballs: [PackageFolder, string][] = [];
  for (const folder of packages) tarballs.push([folder, await pack(folder, destination)]);
  return Object.fromEntries(tarballs) as Record<PackageFolder, string>;
}

async function pack(folder: PackageFolder, destination: string): Promise<string> {
  const source = join(projectDirectory, "packages", folder);
  const build = join(source, "build");
  rmSync(build, { recursive: true, force: true });
  mkdirSync(build);
  const compiler = join(projectDirectory, "node_modules/typescript/bin/tsc");
  await run(process.execPath, [compiler, "--project", join(source, "tsconfig.json")]);
  const manifest: Manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  writeFileSync(
    join(build, "package.json"),
    `${JSON.stringify(publishedManifest(manifest), undefined, 2)}\n`,
  );
  copyFileSync(join(source, "README.md"), join(build, "README.md"));
  copyFileSync(join(projectDirectory, "LICENSE"), join(build, "LICENSE"));
  const said = await run("npm", ["pack", build, `--pack-destination=${destination}`, "--json"]);
  const [{ filename }] = JSON.parse(said) as [{ filename: string }];
  return join(destination, filename);
}
