import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Manifest, publishedManifest } from "./manifest.ts";
import { packages } from "./packages.ts";

const read = (folder: string): Manifest =>
  JSON.parse(readFileSync(join("packages", folder, "package.json"), "utf8"));

it("points to compiled files and their types, and to no test helpers", () => {
  const { exports, files, ...others } = publishedManifest(read("kubernetes"));
  expect(exports).toMatchObject({
    "./*": { types: "./dist/*.d.ts", default: "./dist/*.js" },
    "./provider-module": {
      types: "./dist/provider-module.d.cts",
      default: "./dist/provider-module.cjs",
    },
  });
  expect(Object.keys(exports as object)).not.toContain("./testing/*");
  expect(files).toEqual(["dist"]);
  expect(others).not.toHaveProperty("private");
});

it("every folder under packages is packed", () => {
  const folders = readdirSync("packages").filter((name) =>
    existsSync(join("packages", name, "package.json")),
  );
  expect([...packages].sort()).toEqual(folders.sort());
});

describe.each(packages)("packages/%s", (folder) => {
  const manifest = read(folder);
  const sources = readdirSync(join("packages", folder, "src")).filter(
    (name) => /\.(ts|cjs)$/.test(name) && !name.endsWith(".test.ts"),
  );

  it("exports files that exist", () => {
    const targets = Object.values(manifest.exports).map((target) => target.replace(/\/\*\..*$/, ""));
    for (const target of targets) expect(existsSync(join("packages", folder, target)), target).toBe(true);
  });

  it("imports only its own files and the packages that its package.json names", () => {
    const { dependencies = {}, peerDependencies = {} } = manifest as Record<string, Record<string, string>>;
    const named = new Set(Object.keys({ ...dependencies, ...peerDependencies }));
    const used = new Set<string>();
    for (const name of sources) {
      const text = readFileSync(join("packages", folder, "src", name), "utf8");
      for (const [, from, required] of text.matchAll(/ from "([^"]+)"|require\("([^"]+)"\)/g)) {
        const module = (from ?? required) as string;
        if (module.startsWith("./") || module === "../package.json") continue;
        if (module.startsWith("node:")) expect(builtinModules).toContain(module.slice(5));
        else
          used.add(
            module
              .split("/")
              .slice(0, module.startsWith("@") ? 2 : 1)
              .join("/"),
          );
      }
    }
    used.delete(manifest.name);
    expect([...used].sort()).toEqual([...named].sort());
  });

  it("does not mention the program", () => {
    for (const name of sources) {
      const text = readFileSync(join("packages", folder, "src", name), "utf8");
      expect(text.replaceAll("@modelcar/", ""), name).not.toMatch(/modelcar/i);
    }
  });

  it("has a README whose example fits on a screen", () => {
    const readme = readFileSync(join("packages", folder, "README.md"), "utf8");
    const [, example = ""] = /```ts\n(.*?)```/s.exec(readme) ?? [];
    expect(example).toContain(`from "${manifest.name}`);
    expect(example.trim().split("\n").length).toBeLessThanOrEqual(10);
  });
});
