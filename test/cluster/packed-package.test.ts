/** The packed packages in another program: installed from the tarballs, on a real cluster with real Tekton. */
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../local/run.ts";
import { packPackages } from "../../scripts/pack/packages.ts";
import { createProject, fails, type Project, succeeds } from "../engine/project.ts";
import { Bench, greeting } from "./fault-rows.ts";
import { kubeconfig, project as repository } from "./platform.ts";

let bench: Bench;
let project: Project;
beforeAll(async () => {
  bench = await Bench.start();
  // Without a kubeconfig of its own: the program gets one from its config.
  project = await createProject();
  const { directory } = project;
  // A link to the repository's packages, which this program must not use.
  rmSync(join(directory, "node_modules"));
  await packPackages(directory);
  cpSync(join(repository, "examples/tekton-run"), directory, { recursive: true });
  await run("npm", ["install", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: directory,
  });
  await succeeds(project.pulumi("stack", "init", "example"));
});
afterAll(async () => {
  project?.remove();
  await bench?.stop();
});

const up = () => succeeds(project.pulumi("up", "--yes", "--skip-preview"));

it("starts a run, starts no other without a change, keeps the kubeconfig secret, and removes the run", async () => {
  await bench.pipeline("greet", greeting);
  const set = (...args: string[]) => succeeds(project.pulumi("config", "set", ...args));
  await set("namespace", bench.namespace);
  await set("pipeline", "greet");
  await set("--secret", "kubeconfig", readFileSync(kubeconfig, "utf8"));

  const preview = await succeeds(project.pulumi("preview"));
  expect(preview).toMatch(/PipelineRun +greet +create/);
  await up();
  const [first, ...others] = await bench.runs("greet");
  expect(others).toEqual([]);
  expect(await project.outputs()).toEqual({ word: "hello", name: first.metadata.name });
  expect(Object.keys(first.metadata.labels)).toContain("tekton-run/inputs");
  // Neither the certificate nor the key of the kubeconfig.
  expect(await project.state()).not.toMatch(/client-key-data|certificate-authority-data/);

  await succeeds(project.pulumi("preview", "--refresh", "--expect-no-changes"));
  await up();
  expect(await bench.runs("greet")).toHaveLength(1);

  // Another kubeconfig of the same cluster is stored, but causes no run.
  await set("--secret", "kubeconfig", `# renewed\n${readFileSync(kubeconfig, "utf8")}`);
  await up();
  expect(await bench.runs("greet")).toHaveLength(1);

  await succeeds(project.pulumi("destroy", "--yes", "--skip-preview"));
  expect(await bench.runs("greet")).toEqual([]);
});

it("says what is missing if no cluster is named", async () => {
  const program = readFileSync(join(project.directory, "index.ts"), "utf8");
  project.write({ "index.ts": program.replace(/^.*kubeconfig: .*$/m, "") });
  const said = await fails(project.pulumi("preview"));
  expect(said).toMatch(/set the cluster: a context of the kubeconfig, or a kubeconfig/);
  project.write({ "index.ts": program });
});
