import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test("planning does not load Pulumi", () => {
  const program = `
    import { registerHooks } from "node:module";
    const seen = [];
    registerHooks({ resolve(name, context, next) { seen.push(name); return next(name, context); } });
    await import(${JSON.stringify(new URL("./stack.ts", import.meta.url).href)});
    console.log(JSON.stringify(seen.filter((name) => !name.startsWith("."))));
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  const packages = new Set(JSON.parse(stdout).filter((name: string) => !/^(node|file):/.test(name)));
  expect([...packages].filter((name) => String(name).startsWith("@pulumi"))).toEqual([]);
  expect([...packages]).toContain("zod");
});
