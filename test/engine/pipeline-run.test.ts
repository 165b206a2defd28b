/** What the real CLI shows of PipelineRuns with inputs from another one; on the stand-in for the cluster every run succeeds. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project } from "./project.ts";

const params = Array.from({ length: 27 }, (_, index) => `PARAM_${index}`);
const program = `
  import * as pulumi from "@pulumi/pulumi";
  import { PipelineRun } from "@modelcar/tekton-run";
  const config = new pulumi.Config();
  const common = { context: "fake", namespace: "ai", definition: "d" };
  const imported = new PipelineRun("import", {
    ...common,
    prefix: "import",
    spec: { pipelineRef: { name: "import" }, params: [{ name: "REVISION", value: config.require("revision") }], workspaces: [] },
  });
  const more = config.get("more") ? [{ name: "MORE", value: "x" }] : [];
  const params = ${JSON.stringify(params)}.map((name) => ({
    name,
    value: name === "PARAM_3" ? imported.results.apply((results) => results["storage-uri"] ?? "") : "same-" + name,
  }));
  new PipelineRun("measure", {
    ...common,
    prefix: "measure",
    spec: { pipelineRef: { name: "measure" }, params: [...more, ...params], workspaces: [] },
  });
`;

let project: Project;
let api: FakeApi;
beforeAll(async () => {
  api = await FakeApi.start();
  api.put("/api/v1/namespaces/ai", { metadata: { name: "ai" } });
  api.onCreate = (path) =>
    api.edit(path, (run) => {
      run.status = {
        conditions: [{ type: "Succeeded", status: "True", reason: "Succeeded" }],
        startTime: "2026-01-01T00:00:00Z",
        completionTime: "2026-01-01T00:01:00Z",
        results: [{ name: "storage-uri", value: "s3://llm-models/sums/" }],
      };
    });
  project = await createProject(kubeconfig());
  project.write({ "index.ts": program });
  await project.pulumi("config", "set", "revision", "1");
  const made = await project.pulumi("up", "--yes", "--skip-preview");
  expect(made.code, made.output).toBe(0);
});
afterAll(async () => {
  project?.remove();
  await api?.stop();
});

function kubeconfig(): string {
  const path = join(mkdtempSync(join(tmpdir(), "kubeconfig-")), "config");
  const content = {
    clusters: [{ name: "fake", cluster: { server: api.url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "tester", user: {} }],
    contexts: [{ name: "fake", context: { cluster: "fake", user: "tester" } }],
  };
  writeFileSync(path, JSON.stringify(content));
  return path;
}

/** The CLI's output, and the params that its diff marks as changed; unchanged ones have no mark. */
async function preview(): Promise<{ output: string; marked: string[] }> {
  const { output, code } = await project.pulumi("preview", "--diff");
  expect(code, output).toBe(0);
  // The line with the reason comes before or after the diff.
  const own = output.slice(output.indexOf("PipelineRun::measure]"));
  const marks = /^\s*[~+-] ((?:\[\d+\]|name |value).*)$/;
  return { output, marked: own.split("\n").flatMap((line) => marks.exec(line)?.[1] ?? []) };
}

test("only the param that the previous run gives is shown, with both values", async () => {
  await project.pulumi("config", "set", "revision", "2");
  const { output, marked } = await preview();
  await project.pulumi("config", "set", "revision", "1");
  expect(output).toContain('import: a new run, because of params.REVISION ("1" → "2")');
  expect(output).toContain(
    'measure: a new run, because of params.PARAM_3 ("s3://llm-models/sums/" → known after apply, no run if it stays)',
  );
  expect(marked).toEqual(["[3]: {", 'value: "s3://llm-models/sums/" => [unknown]']);
});

test("only the new param in front of all others is shown", async () => {
  await project.pulumi("config", "set", "more", "true");
  const { output, marked } = await preview();
  expect(output).toContain('measure: a new run, because of params.MORE (none → "x")');
  expect(marked).toEqual(["[27]: {", 'name : "MORE"', 'value: "x"']);
});
