/** `npm run pack`: the packages of packages/ as tarballs that any program can install. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { projectDirectory } from "../local/paths.ts";
import { packPackages } from "./pack/packages.ts";

const usage = `npm run pack -- [FOLDER]

Packs the packages of packages/ as tarballs into a folder (default: packages/build).`;

const [folder = join(projectDirectory, "packages", "build"), ...more] = process.argv.slice(2);
if (folder.startsWith("-") || more.length > 0) {
  const asked = ["--help", "-h"].includes(folder) && more.length === 0;
  console[asked ? "log" : "error"](usage);
  process.exitCode = asked ? 0 : 2;
} else {
  const destination = resolve(folder);
  mkdirSync(destination, { recursive: true });
  for (const tarball of Object.values(await packPackages(destination))) console.log(tarball);
}
