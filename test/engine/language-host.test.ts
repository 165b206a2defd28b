import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProject, type Project } from "./project.ts";

let project: Project;
beforeAll(async () => {
  project = await createProject();
});
afterAll(() => project?.remove());

describe("the language host", () => {
  it("runs a TypeScript program with config, secrets and outputs", async () => {
    project.write({
      "index.ts": `
        import * as pulumi from "@pulumi/pulumi";
        const config = new pulumi.Config();
        export const greeting: pulumi.Output<string> = pulumi.interpolate\`hello \${config.require("name")}\`;
        export const token = config.requireSecret("token");
        export const place = [pulumi.getProject(), pulumi.getStack(), pulumi.runtime.isDryRun()];
      `,
    });
    await project.pulumi("config", "set", "name", "world");
    await project.pulumi("config", "set", "--secret", "token", "canary-5a1d");
    const up = await project.pulumi("up", "--yes", "--skip-preview");
    expect(up.output).toContain("[secret]");
    expect(up.output).not.toContain("canary-5a1d");
    expect(await project.outputs()).toEqual({
      greeting: "hello world",
      token: "canary-5a1d",
      place: ["engine", "test", false],
    });
    expect(await project.state()).not.toContain("canary-5a1d");
  });

  it("shows a failing program's error and stack once", async () => {
    project.write({ "index.ts": 'throw new Error("the sky falls");' });
    const preview = await project.pulumi("preview");
    expect(preview.code).not.toBe(0);
    expect(preview.output).toContain("the sky falls");
    expect(preview.output).toContain("index.ts:1");
    expect(preview.output).not.toContain("non-zero exit code");
  });

  it("refuses a project that requires compiled TypeScript", async () => {
    project.write({ "Pulumi.yaml": "name: engine\nruntime: nodejs\n" });
    const preview = await project.pulumi("preview");
    expect(preview.code).not.toBe(0);
    expect(preview.output).toContain("set runtime.options.typescript to false in Pulumi.yaml");
    project.write({
      "Pulumi.yaml": "name: engine\nruntime: { name: nodejs, options: { typescript: false } }\n",
    });
  });
});

describe("a dynamic provider behind a constant shim", () => {
  const program = (name: string) => `
    import * as pulumi from "@pulumi/pulumi";
    const provider: pulumi.dynamic.ResourceProvider = {
      create: (inputs) => require("./provider.ts").create(inputs),
      update: (id, olds, news) => require("./provider.ts").update(id, olds, news),
      delete: (id, olds) => require("./provider.ts").remove(id, olds),
    };
    class Run extends pulumi.dynamic.Resource {
      declare readonly result: pulumi.Output<string>;
      constructor(name: string, args: { name: string }) {
        super(provider, name, { ...args, result: undefined }, {}, "modelcar/tekton", "PipelineRun");
      }
    }
    export const result = new Run("run", { name: "${name}" }).result;
  `;
  const logic = (word: string) => `
    import { greeting } from "./greeting.ts";
    type Inputs = { name: string };
    const outs = ({ name }: Inputs) => ({ name, result: greeting("${word}", name) });
    export const create = async (inputs: Inputs) => ({ id: "run-1", outs: outs(inputs) });
    export const update = async (_id: string, _olds: Inputs, news: Inputs) => ({ outs: outs(news) });
    export const remove = async () => console.log("removed by ${word}");
  `;

  it("creates, updates with the code on disk, and deletes", async () => {
    project.write({
      "index.ts": program("a"),
      "provider.ts": logic("hello"),
      "greeting.ts": 'export const greeting = (word: string, name: string): string => word + " " + name;',
    });
    await project.pulumi("up", "--yes", "--skip-preview");
    expect(await project.outputs()).toEqual({ result: "hello a" });

    project.write({ "provider.ts": logic("welcome") });
    const unchanged = await project.pulumi("preview", "--expect-no-changes");
    expect(unchanged.code, unchanged.output).toBe(0);

    project.write({ "index.ts": program("b") });
    await project.pulumi("up", "--yes", "--skip-preview");
    expect(await project.outputs()).toEqual({ result: "welcome b" });
    expect(await project.state()).not.toContain("welcome ${");

    const destroyed = await project.pulumi("destroy", "--yes", "--skip-preview");
    expect(destroyed.output).toContain("removed by welcome");
  });
});
