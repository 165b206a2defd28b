/** The commands against a stand-in for the API server that imitates the Tekton behavior that they need. */

import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { pipelineOf } from "../../pipelines/definition.ts";
import { main } from "./main.ts";
import { pipelines } from "./plan.ts";
import { directory, stackFileOf } from "./test-stack.ts";

const namespace = "private-ai-demo";
const tekton = `/apis/tekton.dev/v1/namespaces/${namespace}`;
const run = "model-import-sums-x7k2p";
const path = `${tekton}/pipelineruns/${run}`;

let api: FakeApi;
let out: string[];
let progress: string[];
let problems: string[];
let connected: string[];

beforeEach(async () => {
  api = await FakeApi.start();
  [out, progress, problems, connected] = [[], [], [], []];
  for (const pipeline of Object.values(pipelines)) {
    const object = pipelineOf(pipeline, { namespace, timeoutMinutes: 20 });
    api.put(`${tekton}/pipelines/${pipeline.name}`, object);
  }
  api.put(`/api/v1/namespaces/${namespace}`, { metadata: { name: namespace } });
  api.intercept = (_request, _response, body) => {
    // A real server generates the name; the stand-in does not.
    if (body?.metadata?.generateName) body.metadata.name = `${body.metadata.generateName}x7k2p`;
    return false;
  };
});
afterEach(() => api.stop());

const file = stackFileOf("alone");
const go = (...args: string[]) =>
  main(args.includes("--config-file") ? args : [...args, "--config-file", file], {
    directory,
    connect: (context) => {
      connected.push(context);
      return api.cluster();
    },
    terminal: () => ({
      result: (text) => out.push(text),
      progress: (line) => progress.push(line),
      problem: (line) => problems.push(line),
    }),
  });

const ended = (status: "True" | "False", reason: string, message = "") => ({
  conditions: [{ type: "Succeeded", status, reason, message }],
  startTime: "2026-01-01T00:00:00Z",
  completionTime: "2026-01-01T00:01:00Z",
  results: status === "True" ? [{ name: "revision", value: "abc" }] : [],
});
const tektonEnds = (status: object) => {
  api.onCreate = (created) => setTimeout(() => api.edit(created, (object) => (object.status = status)), 20);
};
const existing = (name: string, status?: object, more: { labels?: object; created?: string } = {}) =>
  api.put(`${tekton}/pipelineruns/${name}`, {
    metadata: { name, creationTimestamp: more.created ?? "2026-01-01T00:00:00Z", labels: more.labels },
    spec: { pipelineRef: { name: "model-import" }, params: [{ name: "MODEL_NAME", value: "sums" }] },
    ...(status ? { status } : {}),
  });
const posts = () => api.requests.filter((request) => request.startsWith("POST"));

test("an import is started under a generated name and watched, and its results are shown", async () => {
  tektonEnds(ended("True", "Succeeded"));
  expect(await go("run-model-import", "sums")).toBe(0);
  expect(connected).toEqual(["modelcar-local"]);
  expect(progress).toContain(`${run}: started`);
  expect(out.join("\n")).toMatch(
    new RegExp(`^${run}: Succeeded after 1 min\nresult: {2}revision = abc\nlogs: {4}kubectl`),
  );
  expect(problems).toEqual([]);
});

test("a failure is shown with its step and the last lines of its log", async () => {
  api.put(`${tekton}/taskruns/t`, {
    metadata: {
      name: "t",
      labels: { "tekton.dev/pipelineRun": run, "tekton.dev/pipelineTask": "upload-to-minio" },
    },
    status: {
      ...ended("False", "Failed", "exit 1"),
      podName: "p",
      steps: [{ name: "upload", container: "step-upload", terminated: { exitCode: 3, reason: "Error" } }],
    },
  });
  const intercept = api.intercept;
  api.intercept = (request, response, body) => {
    if (!request.url?.includes("/pods/p/log")) return intercept(request, response, body);
    response.writeHead(200).end("first\nno such bucket\n");
    return true;
  };
  tektonEnds(ended("False", "Failed", "Tasks Completed: 2"));
  expect(await go("run-model-import", "sums")).toBe(1);
  expect(problems.join("\n")).toMatch(
    /^error: PipelineRun private-ai-demo\/model-import-sums-x7k2p: Failed: Tasks Completed: 2\ntask upload-to-minio, step upload: exit code 3 \(Error\)\n.*\n {4}first\n {4}no such bucket/,
  );
  expect(progress.join("\n")).toContain("upload-to-minio: Failed: exit 1");
});

test("json is one document, for a failure too", async () => {
  tektonEnds(ended("False", "PipelineRunTimeout", "too slow"));
  expect(await go("run-model-import", "sums", "--output", "json")).toBe(1);
  expect(out).toHaveLength(1);
  expect(JSON.parse(out[0] ?? "")).toMatchObject({
    name: run,
    namespace,
    pipeline: "model-import",
    model: "sums",
    outcome: "failed",
    reason: "PipelineRunTimeout",
    failure: expect.stringContaining("too slow"),
  });
});

test("a dry run prints what would be created, and contacts no cluster", async () => {
  expect(await go("run-model-import", "sums", "--dry-run")).toBe(0);
  expect(parse(out[0] ?? "")).toMatchObject({
    kind: "PipelineRun",
    metadata: { generateName: "model-import-sums-", namespace },
  });
  expect([connected, api.requests]).toEqual([[], []]);
});

test("nothing is written to a context other than the stack's", async () => {
  for (const command of [
    ["run-model-import", "sums"],
    ["cancel", run],
    ["monitor-pipeline", "--cancel-on-interrupt"],
  ]) {
    expect(await go(...command, "--context", "production")).toBe(1);
    expect(problems.at(-1)).toContain("--context production is not the cluster of stack dev");
  }
  expect(api.requests).toEqual([]);
  existing(run, ended("True", "Succeeded"));
  expect(await go("list", "--context", "production")).toBe(0);
  expect(connected).toEqual(["production"]);
});

test("a pipeline that is missing, and one of another version, say to run pulumi up", async () => {
  api.edit(`${tekton}/pipelines/model-import`, ({ spec }) => spec.params.shift());
  expect(await go("run-model-import", "sums")).toBe(1);
  expect(problems.at(-1)).toMatch(/has no param HUGGINGFACE_MODEL: .* run pulumi up --stack dev$/);
  api.remove(`${tekton}/pipelines/model-import`);
  expect(await go("run-model-import", "sums")).toBe(1);
  expect(problems.at(-1)).toBe(
    "error: there is no pipeline model-import in namespace private-ai-demo of modelcar-local: run pulumi up --stack dev first",
  );
  expect(posts()).toEqual([]);
});

test("a second run of the same model is refused while the first is under way", async () => {
  existing("other");
  expect(await go("run-model-import", "sums")).toBe(1);
  expect(problems.at(-1)).toContain("other is under way for sums and writes to the same place");
  expect(posts()).toEqual([]);
});

test("a lost response starts no second run", async () => {
  const intercept = api.intercept;
  let lost = 0;
  api.intercept = (request, response, body) => {
    intercept(request, response, body);
    if (request.method !== "POST" || lost++ > 0) return false;
    api.put(`${tekton}/pipelineruns/${body.metadata.name}`, { ...body, status: ended("True", "Succeeded") });
    response.destroy();
    return true;
  };
  expect(await go("run-model-import", "sums")).toBe(0);
  expect(posts()).toHaveLength(1);
});

test("a test asks KServe where the model answers", async () => {
  const services = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices`;
  expect(await go("run-model-testing", "sums")).toBe(1);
  expect(problems.at(-1)).toContain("there is no InferenceService sums");
  api.put(`${services}/sums`, {
    metadata: { name: "sums" },
    status: { address: { url: "http://sums.example:8080" } },
  });
  tektonEnds(ended("True", "Succeeded"));
  expect(await go("run-model-testing", "sums")).toBe(0);
  const { params } = api.object(`${tekton}/pipelineruns/model-testing-v2-sums-x7k2p`).spec;
  expect(params).toContainEqual({ name: "ENDPOINT_URL", value: "http://sums.example:8080" });
});

test("monitoring takes the named run, else the one under way, else the newest", async () => {
  existing("old", ended("True", "Succeeded"), { created: "2026-01-01T00:00:00Z" });
  existing("new", ended("False", "Failed", "why"), { created: "2026-01-03T00:00:00Z" });
  expect(await go("monitor-pipeline")).toBe(1);
  expect(out.at(-1)).toMatch(/^new: Failed/);
  expect(await go("monitor-pipeline", "-r", "old")).toBe(0);
  existing("present", undefined, { created: "2026-01-02T00:00:00Z" });
  const watching = go("monitor-pipeline", "-n", namespace);
  await vi.waitFor(() => expect(api.requests).toContain(`GET ${tekton}/pipelineruns (watch)`));
  api.edit(`${tekton}/pipelineruns/present`, (object) => (object.status = ended("True", "Succeeded")));
  expect(await watching).toBe(0);
  expect(out.at(-1)).toMatch(/^present: Succeeded/);
  expect(await go("monitor-pipeline", "-r", "none")).toBe(1);
  expect(problems.at(-1)).toBe(
    "error: there is no run none in namespace private-ai-demo; the newest runs are new, present, old",
  );
});

test("with context and namespace, monitoring and listing need no stack", async () => {
  existing("old", ended("True", "Succeeded"));
  const place = ["--context", "any", "-n", namespace, "--config-file", "/nowhere"];
  expect(await go("monitor-pipeline", ...place)).toBe(0);
  expect(await go("list", ...place)).toBe(0);
  expect(connected).toEqual(["any", "any"]);
});

test("the list has a line for each run, newest first; json has the same", async () => {
  expect(await go("list")).toBe(0);
  expect(out.pop()).toBe("no runs in namespace private-ai-demo of modelcar-local");
  existing("old", ended("True", "Succeeded"));
  existing("newer", undefined, { created: "2026-01-02T00:00:00Z" });
  expect(await go("list")).toBe(0);
  expect(
    out
      .pop()
      ?.split("\n")
      .map((line) => line.split(/ {2,}/).slice(0, 4)),
  ).toEqual([
    ["RUN", "PIPELINE", "MODEL", "STATE"],
    ["newer", "model-import", "sums", "not seen by Tekton yet"],
    ["old", "model-import", "sums", "Succeeded"],
  ]);
  expect(await go("list", "-o", "json")).toBe(0);
  expect(JSON.parse(out.pop() ?? "")).toMatchObject([
    { name: "newer" },
    { name: "old", durationSeconds: 60 },
  ]);
});

test("cancelling lets finally tasks end, and warns that pulumi up starts another run", async () => {
  existing("mine", undefined, { labels: { "app.kubernetes.io/managed-by": "pulumi" } });
  api.onPatch = (patched) =>
    setTimeout(
      () => api.edit(patched, (object) => (object.status = ended("False", "Cancelled", "by a person"))),
      20,
    );
  expect(await go("cancel", "mine")).toBe(0);
  expect(api.object(`${tekton}/pipelineruns/mine`).spec.status).toBe("CancelledRunFinally");
  expect(out).toEqual(["mine: cancelled"]);
  expect(problems.at(-1)).toContain("the next pulumi up makes a new attempt");
  expect(await go("cancel", "mine")).toBe(0);
  expect(out.at(-1)).toBe("mine: has ended already (Cancelled)");
  expect(await go("cancel", "none")).toBe(1);
});

test("a run that is deleted while it is watched is a failure", async () => {
  api.onCreate = (created) => setTimeout(() => api.remove(created), 30);
  expect(await go("run-model-import", "sums")).toBe(1);
  expect(problems.at(-1)).toContain(`PipelineRun ${namespace}/${run}: deleted while it ran`);
  expect(api.object(path)).toBeUndefined();
});

test("wrong usage shows the command's help and exits with 2", async () => {
  expect(await go("run-model-import")).toBe(2);
  expect(problems.at(-1)).toMatch(
    /^error: missing argument <model>\n\nnpm run pipelines -- run-model-import <model>/,
  );
  expect(await go("nonsense")).toBe(2);
  expect(await go("--help")).toBe(0);
});
