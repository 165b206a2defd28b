/** Pulumi's own Kubernetes provider, built from its Go module if Pulumi's downloads cannot be reached. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory } from "../paths.ts";

const toolDirectory = join(import.meta.dirname, "..", "tools", "pulumi-kubernetes");

export const providerModule = "github.com/pulumi/pulumi-kubernetes/provider/v4";

/**
 * The version that the provider reports to the engine: that of the npm package `@pulumi/kubernetes`, which the module's code
 * belongs to, and the module's commit as build metadata, such as `4.25.0+f47bc2d6f199`.
 * @throws Error if go.mod names no commit.
 */
export function providerVersion(): string {
  const manifest = join(projectDirectory, "node_modules/@pulumi/kubernetes/package.json");
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  const pins = readFileSync(join(toolDirectory, "go.mod"), "utf8");
  const commit = new RegExp(`${providerModule} v\\S+-([0-9a-f]{12})$`, "m").exec(pins)?.[1];
  if (!commit) throw new Error(`${toolDirectory}/go.mod requires no ${providerModule} by commit`);
  return `${version}+${commit}`;
}

/**
 * The files that the provider's main embeds, generated from the module's files as its release build does: the schema with
 * the version set, and the mapping of Terraform's names. They are written into `work`.
 * @param source the module's folder in Go's module cache.
 * @returns path that main.go embeds → file to take its content from.
 */
export function embeddedFiles(source: string, work: string): Record<string, string> {
  mkdirSync(work, { recursive: true });
  const shipped = (name: string): object =>
    JSON.parse(readFileSync(join(source, "cmd/pulumi-resource-kubernetes", name), "utf8"));
  const contents = {
    "schema.json": { ...shipped("schema.json"), version: providerVersion() },
    "terraform-mapping.json": shipped("terraform-mapping.json"),
  };
  return Object.fromEntries(
    Object.entries(contents).map(([name, content]) => {
      const file = join(work, name);
      writeFileSync(file, JSON.stringify(content));
      return [join(toolDirectory, name), file];
    }),
  );
}
