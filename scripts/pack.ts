/** `npm run pack`: the packages of packages/ as tarballs that any program can install. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { projectDirectory } from "../local/paths.ts";
import { packPackages } from "./pack/packages.ts";

const destination = resolve(process.argv[2] ?? join(projectDirectory, "packages", "build"));
mkdirSync(destination, { recursive: true });
for (const tarball of Object.values(await packPackages(destination))) console.log(tarball);
