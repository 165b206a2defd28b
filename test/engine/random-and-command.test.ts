import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createProject, type Project } from "./project.ts";

let project: Project;
beforeAll(async () => {
  project = await createProject();
});
afterAll(() => project?.remove());

const program = (length: number, content: string, trigger: string) => `
  import * as random from "@pulumi/random";
  import * as command from "@pulumi/command";
  const password = new random.RandomPassword("password", { length: ${length}, special: false });
  const file = new command.local.Command("file", {
    create: "tee file.txt",
    delete: "rm file.txt",
    stdin: "${content}",
    triggers: ["${trigger}"],
  });
  const shown = new command.local.Command("shown", {
    create: 'test -n "$TOKEN" && echo "$TOKEN"',
    environment: { TOKEN: password.result },
  });
  export const outputs = { password: password.result, stdout: file.stdout, shown: shown.stdout };
`;

interface Outputs {
  outputs: { password: string; stdout: string; shown: string };
}

it("draws a secret password once and runs commands when they change", async () => {
  const file = join(project.directory, "file.txt");
  project.write({ "index.ts": program(24, "one", "1") });
  const preview = await project.pulumi("preview");
  expect(preview.code, preview.output).toBe(0);
  expect(existsSync(file)).toBe(false);

  const up = await project.pulumi("up", "--yes", "--skip-preview");
  expect(up.code, up.output).toBe(0);
  const { outputs } = (await project.outputs()) as unknown as Outputs;
  expect(outputs.password).toMatch(/^[A-Za-z0-9]{24}$/);
  expect(outputs.shown).toBe(outputs.password);
  expect(readFileSync(file, "utf8")).toBe("one");
  expect(up.output).not.toContain(outputs.password);
  expect(await project.state()).not.toContain(outputs.password);

  const again = await project.pulumi("preview", "--expect-no-changes");
  expect(again.code, again.output).toBe(0);

  project.write({ "index.ts": program(24, "two", "1") });
  await project.pulumi("up", "--yes", "--skip-preview");
  expect(readFileSync(file, "utf8")).toBe("two");
  expect(((await project.outputs()) as unknown as Outputs).outputs).toEqual({ ...outputs, stdout: "two" });

  project.write({ "index.ts": program(30, "two", "2") });
  const replaced = await project.pulumi("preview");
  expect(replaced.output).toMatch(/RandomPassword password replace/);
  expect(replaced.output).toMatch(/Command file replace/);

  const destroyed = await project.pulumi("destroy", "--yes", "--skip-preview");
  expect(destroyed.code, destroyed.output).toBe(0);
  expect(existsSync(file)).toBe(false);
});

it("refuses what the stand-ins do not serve", async () => {
  project.write({
    "index.ts": 'import * as random from "@pulumi/random"; new random.RandomPet("pet");',
  });
  const preview = await project.pulumi("preview");
  expect(preview.code).not.toBe(0);
  expect(preview.output).toContain("is a stand-in that serves only");
});

it("shows a failing command's error", async () => {
  project.write({
    "index.ts":
      'import * as command from "@pulumi/command"; new command.local.Command("c", { create: "echo broken >&2; exit 3" });',
  });
  const up = await project.pulumi("up", "--yes", "--skip-preview");
  expect(up.code).not.toBe(0);
  expect(up.output).toContain("exit status 3");
  expect(up.output).toContain("broken");
});
