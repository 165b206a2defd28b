import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { afterEach, beforeEach, expect, test } from "vitest";
import { baseName, type RunInputs, type RunSpec } from "./inputs.ts";
import { identity } from "./ownership.ts";
import { removeRuns } from "./remove.ts";
import { runToSuccess } from "./run.ts";

const runs = "/apis/tekton.dev/v1/namespaces/ai/pipelineruns";
const taskRuns = "/apis/tekton.dev/v1/namespaces/ai/taskruns";
const spec: RunSpec = {
  pipelineRef: { name: "model-import" },
  params: [{ name: "HUGGINGFACE_MODEL", value: "org/sums" }],
  workspaces: [],
  taskRunTemplate: { serviceAccountName: "pipeline", podTemplate: { securityContext: {} } },
  timeouts: { pipeline: "1h0m0s" },
};
const inputs: RunInputs = {
  context: "test",
  namespace: "ai",
  prefix: "model-import-sums",
  spec,
  definition: "d1",
  timeoutSeconds: 60,
};
const first = baseName(inputs);

let api: FakeApi;
let lines: string[];
const print = (line: string) => lines.push(line);
const conventions = { labelPrefix: "test", leftovers: [] };
const site = () => ({ cluster: api.cluster(), namespace: "ai", conventions, print });
const go = (changed: Partial<RunInputs> = {}) => runToSuccess(site(), { ...inputs, ...changed });

beforeEach(async () => {
  api = await FakeApi.start();
  lines = [];
});
afterEach(() => api.stop());

const condition = (status: string, reason: string, message = "") => ({
  conditions: [{ type: "Succeeded", status, reason, message }],
});
const success = {
  ...condition("True", "Succeeded"),
  startTime: "2026-01-01T00:00:00Z",
  completionTime: "2026-01-01T00:01:00Z",
  results: [{ name: "storage-uri", value: "s3://llm-models/sums/" }],
};
const set = (name: string, status: object) => api.edit(`${runs}/${name}`, (run) => (run.status = status));

/** Tekton, as far as these tests need it: each new run ends so after a moment. */
function tektonEnds(status: object): void {
  api.onCreate = (path) => setTimeout(() => api.edit(path, (run) => (run.status = status)), 20);
}

function existing(name: string, status: object, more: { labels?: object; spec?: object } = {}): void {
  api.put(`${runs}/${name}`, {
    metadata: {
      name,
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: { ...identity(conventions, inputs, 1), ...more.labels },
    },
    spec: { ...spec, ...more.spec },
    status,
  });
}

test("a new run is started under a name from its inputs, and its results come back", async () => {
  tektonEnds(success);
  api.put("/api/v1/namespaces/ai", { metadata: { name: "ai" } });
  api.put(`${taskRuns}/t`, {
    metadata: {
      name: "t",
      labels: { "tekton.dev/pipelineRun": first, "tekton.dev/pipelineTask": "upload-to-minio" },
    },
    status: { startTime: "2026-01-01T00:00:05Z", completionTime: "2026-01-01T00:00:47Z" },
  });
  expect(await go()).toEqual({
    name: first,
    uid: `uid-${first}`,
    startTime: "2026-01-01T00:00:00Z",
    completionTime: "2026-01-01T00:01:00Z",
    durationSeconds: 60,
    taskSeconds: { "upload-to-minio": 42 },
    results: { "storage-uri": "s3://llm-models/sums/" },
    logs: expect.stringContaining(`--selector=tekton.dev/pipelineRun=${first}`),
    namespaceUid: "uid-ai",
  });
  expect(api.object(`${runs}/${first}`).spec).toEqual(spec);
});

test("a run that has already succeeded is used", async () => {
  existing(first, success);
  expect((await go()).name).toBe(first);
  expect(api.requests.filter((request) => request.startsWith("POST"))).toEqual([]);
});

test("a run that is under way is adopted", async () => {
  existing(first, condition("Unknown", "Running"));
  const result = go();
  setTimeout(() => set(first, success), 50);
  expect((await result).name).toBe(first);
  expect(lines[0]).toBe(`${first}: already running, waiting for it`);
  expect(api.requests.filter((request) => request.startsWith("POST"))).toEqual([]);
});

test("after failed attempts comes the next one", async () => {
  existing(first, condition("False", "Failed"));
  existing(`${first}-2`, condition("False", "Failed"), { labels: { "test/attempt": "2" } });
  tektonEnds(success);
  expect((await go()).name).toBe(`${first}-3`);
});

test("a run that somebody cancels while it is adopted is followed by a new attempt", async () => {
  existing(first, condition("Unknown", "Running"), { spec: { status: "Cancelled" } });
  setTimeout(() => set(first, condition("False", "Cancelled")), 50);
  tektonEnds(success);
  expect((await go()).name).toBe(`${first}-2`);
});

test("a run that somebody cancels during the wait is a failure, and is not started again", async () => {
  api.onCreate = (path) =>
    setTimeout(() => {
      api.edit(path, (run) => {
        run.spec.status = "CancelledRunFinally";
        run.status = condition("False", "Cancelled", "was cancelled");
      });
    }, 20);
  await expect(go({ retries: 3 })).rejects.toThrow("Cancelled: was cancelled");
  expect(api.requests.filter((request) => request.startsWith("POST"))).toHaveLength(1);
});

test("a failed task is retried as often as configured, an invalid pipeline never", async () => {
  tektonEnds(condition("False", "Failed"));
  await expect(go({ retries: 2 })).rejects.toMatchObject({ runName: `${first}-3` });
  tektonEnds(condition("False", "CouldntGetTask"));
  await expect(go({ retries: 2 })).rejects.toMatchObject({ runName: `${first}-4` });
});

test("an earlier success counts only if no newer run exists, which may have overwritten its products", async () => {
  existing(first, success);
  const other = { ...inputs, trigger: "other" };
  api.put(`${runs}/other`, {
    metadata: {
      name: "other",
      creationTimestamp: "2026-01-02T00:00:00Z",
      labels: identity(conventions, other, 1),
    },
    status: success,
  });
  tektonEnds(success);
  expect((await go()).name).toBe(`${first}-2`);
});

test("an unfinished run of other inputs is cancelled before the new one starts", async () => {
  const other = { ...inputs, trigger: "other" };
  api.put(`${runs}/other`, {
    metadata: { name: "other", labels: identity(conventions, other, 1) },
    spec: {},
    status: condition("Unknown", "Running"),
  });
  api.onPatch = (path) =>
    setTimeout(() => api.edit(path, (run) => (run.status = condition("False", "Cancelled"))), 20);
  tektonEnds(success);
  expect((await go()).name).toBe(first);
  expect(api.object(`${runs}/other`).spec.status).toBe("CancelledRunFinally");
  const order = api.requests.filter((request) => /^(PATCH|POST)/.test(request));
  expect(order.map((request) => request.split(" ")[0])).toEqual(["PATCH", "POST"]);
});

test("a success without an expected result is a failure that names the skipped tasks", async () => {
  tektonEnds({
    ...success,
    skippedTasks: [{ name: "compress", reason: "When Expressions evaluated to false" }],
  });
  await expect(go({ expectedResults: ["storage-uri", "digest"] })).rejects.toThrow(
    /succeeded without the expected results digest; skipped tasks: compress \(When Expressions evaluated to false\)/,
  );
});

test("history that a destroyed resource has kept does not count as a result", async () => {
  existing(first, success);
  await removeRuns(site(), { ...inputs, history: "keep" });
  expect(api.object(`${runs}/${first}`)).toBeDefined();
  tektonEnds(success);
  expect((await go()).name).toBe(`${first}-2`);
});

test("a failed step is named with its exit code and last log lines", async () => {
  api.onCreate = (path) => {
    const name = path.split("/").at(-1);
    api.put(`${taskRuns}/${name}-pull`, {
      metadata: {
        name: `${name}-pull`,
        labels: { "tekton.dev/pipelineRun": name, "tekton.dev/pipelineTask": "pull-model-from-huggingface" },
      },
      status: {
        ...condition("False", "Failed", '"step-pull" exited with code 3'),
        podName: "pull-pod",
        steps: [
          { name: "prepare", container: "step-prepare", terminated: { exitCode: 0 } },
          { name: "pull", container: "step-pull", terminated: { exitCode: 3, reason: "Error" } },
          { name: "after", container: "step-after", terminated: { exitCode: 1, reason: "Skipped" } },
        ],
      },
    });
    setTimeout(
      () => api.edit(path, (run) => (run.status = condition("False", "Failed", "Tasks Completed: 1"))),
      20,
    );
  };
  api.intercept = (request, response) => {
    if (!request.url?.startsWith("/api/v1/namespaces/ai/pods/pull-pod/log")) return false;
    expect(request.url).toContain("container=step-pull");
    response.end("asking the hub\n404: no repository org/sums\n");
    return true;
  };
  const error = await go().catch((error: Error) => error);
  expect(String(error).split("\nwhole log: ")[0]).toBe(
    [
      `Error: PipelineRun ai/${first}: Failed: Tasks Completed: 1`,
      "task pull-model-from-huggingface, step pull: exit code 3 (Error)",
      "  last lines of its log:",
      "    asking the hub",
      "    404: no repository org/sums",
    ].join("\n"),
  );
  expect(error).toMatchObject({ runName: first });
  expect(lines).toContain(
    `${first}: 0 s: pull-model-from-huggingface: Failed: "step-pull" exited with code 3`,
  );
});

test.each([
  ["PipelineRunTimeout", "failed to finish within 1h"],
  ["CouldntGetPipeline", "pipeline model-import not found"],
  ["Cancelled", "was cancelled"],
])("a run that ends with %s fails with its message", async (reason, message) => {
  tektonEnds(condition("False", reason, message));
  await expect(go()).rejects.toThrow(`PipelineRun ai/${first}: ${reason}: ${message}`);
});

test("a run that is deleted while it runs fails at once", async () => {
  api.onCreate = (path) => setTimeout(() => api.remove(path), 50);
  await expect(go()).rejects.toThrow("deleted while it ran");
});

test("the deadline's error tells what the wait was for", async () => {
  api.onCreate = (path) => {
    const name = path.split("/").at(-1);
    api.put(`${taskRuns}/t`, {
      metadata: {
        name: "t",
        labels: { "tekton.dev/pipelineRun": name, "tekton.dev/pipelineTask": "upload-to-minio" },
      },
      status: condition("Unknown", "Pending", "0/3 nodes are available: 3 Insufficient memory."),
    });
  };
  await expect(go({ timeoutSeconds: -89.5 })).rejects.toThrow(
    /still not done after 0.5 s: upload-to-minio: Pending: 0\/3 nodes are available/,
  );
});

test("a closed stream, an expired version and a server error lose nothing", async () => {
  let failures = 0;
  api.intercept = (request, response) => {
    if (failures++ !== 3 || !request.url?.includes("pipelineruns")) return false;
    response.writeHead(503).end("{}");
    return true;
  };
  api.onCreate = (path) => {
    setTimeout(() => api.closeWatches(), 50);
    setTimeout(() => {
      api.closeWatches({ type: "ERROR", object: { code: 410, reason: "Expired" } });
      api.edit(path, (run) => (run.status = success));
    }, 900);
  };
  expect((await go()).completionTime).toBe("2026-01-01T00:01:00Z");
});

test("no connection is left open when the run has finished", async () => {
  tektonEnds(success);
  await go();
  await expect.poll(() => api.openWatches).toBe(0);
});

test("a refusal of the API server is thrown with its message", async () => {
  api.intercept = (_, response) => {
    response.writeHead(403).end(JSON.stringify({ message: "pipelineruns is forbidden" }));
    return true;
  };
  await expect(go()).rejects.toThrow("403 pipelineruns is forbidden");
});

test("a foreign run of the same name is left alone", async () => {
  api.put(`${runs}/${first}`, { metadata: { name: first }, status: success });
  await expect(go()).rejects.toThrow("was not started by this program");
});

test("removal cancels unfinished runs, waits for them, and deletes every run of the resource but no other", async () => {
  existing(first, condition("Unknown", "Running"));
  existing(`${first}-2`, success);
  api.put(`${runs}/other`, {
    metadata: { name: "other", labels: { "test/resource": "other" } },
    status: {},
  });
  const patches: unknown[] = [];
  api.onPatch = (path, run) => {
    patches.push(run.spec.status);
    setTimeout(() => api.edit(path, (object) => (object.status = condition("False", "Cancelled"))), 20);
  };
  await removeRuns(site(), inputs);
  expect(patches).toEqual(["CancelledRunFinally"]);
  expect([first, `${first}-2`, "other"].map((name) => api.object(`${runs}/${name}`) !== undefined)).toEqual([
    false,
    false,
    true,
  ]);
});
