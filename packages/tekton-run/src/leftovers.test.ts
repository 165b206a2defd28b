import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { baseName, type RunInputs } from "./inputs.ts";
import { removeLeftovers } from "./leftovers.ts";
import { identity } from "./ownership.ts";
import { queueMetadata, takeTurn } from "./queue.ts";
import { removeRuns } from "./remove.ts";
import { runToSuccess } from "./run.ts";
import { stop } from "./stop.ts";
import { pending } from "./tekton-status.ts";

const runs = "/apis/tekton.dev/v1/namespaces/ai/pipelineruns";
const models = "/apis/serving.kserve.io/v1beta1/namespaces/ai/inferenceservices";
const pods = "/api/v1/namespaces/ai/pods";
const candidate = "granite-candidate";
const fieldManager = "the-task";
const conventions = {
  labelPrefix: "test",
  leftovers: [
    {
      apiVersion: "serving.kserve.io/v1beta1",
      kind: "InferenceService",
      plural: "inferenceservices",
      fieldManager,
      podSelector: "app=isvc.{name}-predictor",
    },
  ],
};
const inputs: RunInputs = {
  context: "test",
  namespace: "ai",
  prefix: "candidate-testing-granite",
  spec: { pipelineRef: { name: "candidate-testing" }, timeouts: { pipeline: "1h0m0s" } },
  definition: "d1",
};
const first = baseName(inputs);
const condition = (status: string, reason: string) => ({
  conditions: [{ type: "Succeeded", status, reason, message: "because" }],
});
const timedOut = condition("False", "PipelineRunTimeout");

let api: FakeApi;
let lines: string[];
const print = (line: string) => lines.push(line);
const site = () => ({ cluster: api.cluster(), namespace: "ai", conventions, print });
beforeEach(async () => {
  api = await FakeApi.start();
  lines = [];
});
afterEach(() => api.stop());
// A turn settles for two seconds, before and after, and pods are looked at as often.
vi.setConfig({ testTimeout: 20_000 });

/** Leftovers of a run, with a pod that terminates slowly. */
function left(run: string, { name = candidate, by = fieldManager, uid = `uid-${run}` } = {}): void {
  const ownerReferences = [{ apiVersion: "tekton.dev/v1", kind: "PipelineRun", name: run, uid }];
  api.put(`${models}/${name}`, { metadata: { name, ownerReferences, managedFields: [{ manager: by }] } });
  const labels = { app: `isvc.${name}-predictor` };
  api.put(`${pods}/${name}-pod`, { metadata: { name: `${name}-pod`, labels } });
}

function existing(status: object, more: { name?: string; spec?: object } = {}): void {
  const { name = first, spec = {} } = more;
  const metadata = {
    name,
    creationTimestamp: "2026-01-01T00:00:00Z",
    labels: identity(conventions, inputs, 1),
  };
  api.put(`${runs}/${name}`, { metadata, spec, status });
}

const podEnds = () => setTimeout(() => api.remove(`${pods}/${candidate}-pod`), 300);
const isThere = () => api.object(`${models}/${candidate}`) !== undefined;

test("`up` waits for a failed run without finally until its candidate and its pods are gone", async () => {
  const sent: unknown[] = [];
  api.intercept = (request, _, body) => {
    if (request.method === "DELETE") sent.push(body, podEnds());
    return false;
  };
  api.onCreate = (path) => {
    left(first);
    setTimeout(() => api.edit(path, (run) => (run.status = timedOut)), 20);
  };
  await expect(runToSuccess(site(), inputs)).rejects.toThrow("PipelineRunTimeout: because");
  expect(sent[0]).toEqual({
    propagationPolicy: "Foreground",
    preconditions: { uid: `uid-${candidate}` },
  });
  expect([isThere(), api.object(`${pods}/${candidate}-pod`)]).toEqual([false, undefined]);
  expect(lines).toContain(`removing InferenceService ${candidate}, which PipelineRun ${first} left`);
  expect(lines.at(-1)).toBe(`InferenceService ${candidate} is gone after 2 s`);
});

test("leftovers of a killed `up` are removed before the next attempt starts", async () => {
  existing(timedOut);
  left(first);
  podEnds();
  api.onCreate = (path) => {
    expect(isThere()).toBe(false);
    setTimeout(() => api.edit(path, (run) => (run.status = condition("True", "Succeeded"))), 20);
  };
  expect((await runToSuccess(site(), inputs)).name).toBe(`${first}-2`);
});

test("another model's run starts only when the GPUs of finished runs' leftovers are free", async () => {
  existing(timedOut);
  left(first);
  const queue = { name: "gpus", gpus: 4, capacity: 4 };
  const metadata = {
    name: "next",
    creationTimestamp: "2026-01-01T01:00:00Z",
    ...queueMetadata(conventions, queue),
  };
  api.put(`${runs}/next`, { metadata, spec: { status: pending } });
  let freed = false;
  api.onPatch = (path, run) => {
    if (path.endsWith("/next") && run.spec.status === undefined) expect(freed).toBe(true);
  };
  const taken = takeTurn(site(), { name: "next", queue });
  await expect.poll(isThere, { timeout: 4000 }).toBe(false);
  expect(api.object(`${runs}/next`).spec.status).toBe(pending);
  freed = true;
  api.remove(`${pods}/${candidate}-pod`);
  await taken;
  expect(api.object(`${runs}/next`).spec).toEqual({});
});

test.each([
  ["of a run that goes on", condition("Unknown", "Running"), () => left(first)],
  ["of another maker", timedOut, () => left(first, { by: "argocd" })],
  ["that no run owns", timedOut, () => api.put(`${models}/${candidate}`, { metadata: { name: candidate } })],
])("a model %s is left alone", async (_, status, prepare) => {
  existing(status);
  prepare();
  const queue = { name: "gpus", gpus: 4, capacity: 4 };
  const metadata = { name: "next", ...queueMetadata(conventions, queue) };
  api.put(`${runs}/next`, { metadata, spec: { status: pending } });
  await takeTurn(site(), { name: "next", queue });
  expect(isThere()).toBe(true);
});

test("a model whose run is deleted or recreated with the same name is removed, too", async () => {
  existing(condition("Unknown", "Running"));
  left(first, { uid: "of-an-earlier-run-of-that-name" });
  podEnds();
  const queue = { name: "gpus", gpus: 4, capacity: 4 };
  api.put(`${runs}/next`, {
    metadata: { name: "next", ...queueMetadata(conventions, queue) },
    spec: { status: pending },
  });
  await takeTurn(site(), { name: "next", queue });
  expect(isThere()).toBe(false);
});

test("destroy removes leftovers even if it keeps the history", async () => {
  existing(timedOut);
  left(first);
  podEnds();
  await removeRuns(site(), { ...inputs, history: "keep" });
  expect([isThere(), api.object(`${runs}/${first}`) !== undefined]).toEqual([false, true]);
});

test("a cancelled run's finally has its own timeout, and what it does not remove is removed", async () => {
  existing(condition("Unknown", "Running"), { spec: { timeouts: { finally: "20m0s" } } });
  left(first);
  podEnds();
  api.onPatch = (path) =>
    setTimeout(() => api.edit(path, (run) => (run.status = condition("False", "Cancelled"))), 20);
  await stop(site(), api.object(`${runs}/${first}`));
  expect(isThere()).toBe(false);
});

test.each([
  [
    403,
    `a finished run may have left InferenceServices with their pods: GET ${models}: 403 no; you need the permissions list, get and delete on inferenceservices in namespace ai`,
  ],
  [404, undefined],
])(
  "if models cannot be listed (%d), the run's failure is reported, and the missing permission",
  async (status, line) => {
    api.intercept = (request, response) => {
      if (!request.url?.startsWith(models)) return false;
      response.writeHead(status).end(JSON.stringify({ message: "no" }));
      return true;
    };
    api.onCreate = (path) => setTimeout(() => api.edit(path, (run) => (run.status = timedOut)), 20);
    await expect(runToSuccess(site(), inputs)).rejects.toThrow("PipelineRunTimeout: because");
    expect(lines.filter((text) => text.startsWith("a finished run"))).toEqual(line ? [line] : []);
  },
);

test.each([
  ["has just ended", condition("False", "Failed"), true],
  ["goes on", condition("Unknown", "Running"), false],
])("a webhook's refusal to cancel a run that %s", async (_, status, ends) => {
  existing(condition("Unknown", "Running"));
  api.intercept = (request, response) => {
    if (request.method !== "PATCH") return false;
    api.edit(`${runs}/${first}`, (run) => (run.status = status));
    const message = "Once the PipelineRun is complete, no updates are allowed";
    response.writeHead(400).end(JSON.stringify({ message }));
    return true;
  };
  const stopped = stop(site(), api.object(`${runs}/${first}`));
  await (ends ? stopped : expect(stopped).rejects.toThrow("no updates are allowed"));
});

test("without a kind of leftovers no request is sent", async () => {
  existing(timedOut);
  left(first);
  await removeLeftovers({ ...site(), conventions: { ...conventions, leftovers: [] } }, [
    api.object(`${runs}/${first}`),
  ]);
  expect(api.requests).toEqual([]);
});
