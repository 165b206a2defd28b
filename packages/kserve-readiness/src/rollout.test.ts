import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answers } from "./probe.ts";
import { type Expected, isRolledOut, type Rollout, rolledOut } from "./rollout.ts";

const deployments = "/apis/apps/v1/namespaces/ai/deployments";
const pods = "/api/v1/namespaces/ai/pods";
const container = "kserve-container";
const expected: Expected = {
  image: "vllm@sha256:1",
  storageUri: "s3://llm-models/sums/2/",
  args: ["--max-model-len=256"],
  resources: { requests: { cpu: "1" }, limits: { memory: "3Gi" } },
};

/** KServe's Deployment for a declaration, in the API server's order of keys. */
function template(of: Expected = expected) {
  const { requests, limits } = of.resources;
  return {
    metadata: {
      annotations: { "internal.serving.kserve.io/storage-initializer-sourceuri": of.storageUri ?? "" },
    },
    spec: {
      containers: [
        {
          name: "kserve-container",
          image: of.image,
          args: ["--port=8080", ...of.args],
          resources: { limits: { ...limits }, requests: { ...requests } },
        },
      ],
    },
  };
}

const done = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
const deployment = (status: object, of?: Expected) => ({
  metadata: { name: "sums-predictor", generation: 2 },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "isvc.sums-predictor" } },
    template: template(of),
  },
  status,
});
const pod = (name: string, status: object, of?: Expected) => ({
  metadata: { name, labels: { app: "isvc.sums-predictor" }, ...template(of).metadata },
  spec: template(of).spec,
  status,
});

let api: FakeApi;
let lines: string[];
beforeEach(async () => {
  api = await FakeApi.start();
  lines = [];
});
afterEach(() => api.stop());
const wait = (deadlineSeconds = 5, more: Partial<Rollout> = {}) =>
  rolledOut(api.cluster(), {
    namespace: "ai",
    kind: "InferenceService",
    name: "sums",
    deployment: "sums-predictor",
    container,
    expected,
    deadlineSeconds,
    print: (l) => lines.push(l),
    ...more,
  });
const older: Expected = { ...expected, storageUri: "s3://llm-models/sums/1/" };

test("a rollout is complete when all replicas have the declared template and are available, and no other is left", () => {
  const ready = (status: object, of?: Expected) =>
    isRolledOut({ ...deployment(status, of) }, { container, expected });
  expect(ready(done)).toBe(true);
  expect(ready({ ...done, observedGeneration: 1 })).toBe(false);
  expect(ready({ ...done, replicas: 2 })).toBe(false);
  expect(ready({ ...done, availableReplicas: 0 })).toBe(false);
  for (const difference of [
    { image: "other" },
    { storageUri: "s3://x/" },
    { args: ["--x"] },
    { resources: {} },
  ]) {
    expect(ready(done, { ...expected, ...difference }), JSON.stringify(difference)).toBe(false);
  }
});

test("an available Deployment of the older declaration does not count", async () => {
  api.put(`${deployments}/sums-predictor`, deployment(done, older));
  const result = wait();
  const early = await Promise.race([
    result.then(() => "ready"),
    new Promise((later) => setTimeout(later, 200, "waiting")),
  ]);
  expect(early).toBe("waiting");
  api.put(`${deployments}/sums-predictor`, deployment({ ...done, replicas: 2 }));
  api.put(`${deployments}/sums-predictor`, deployment(done));
  await result;
});

test("a container out of memory ends the wait at once, with its last log lines", async () => {
  api.intercept = (request, response) => {
    if (!request.url?.includes("/pods/new/log")) return false;
    expect(request.url).toContain("previous=true");
    response.end("loading weights\n");
    return true;
  };
  const killed = { terminated: { exitCode: 137, reason: "OOMKilled" } };
  const status = {
    containerStatuses: [{ name: "kserve-container", restartCount: 1, state: {}, lastState: killed }],
  };
  api.put(`${deployments}/sums-predictor`, deployment({}));
  api.put(`${pods}/new`, pod("new", status));
  await expect(wait()).rejects.toThrow(
    "pod ai/new: container kserve-container ended: OOMKilled, exit code 137; give it more memory\n  last lines of its log:\n    loading weights",
  );
});

test("a crash of a pod of the older declaration is ignored", async () => {
  const crashed = { state: {}, lastState: { terminated: { exitCode: 1 } } };
  api.put(`${deployments}/sums-predictor`, deployment({}));
  api.put(
    `${pods}/old`,
    pod("old", { containerStatuses: [{ name: "c", restartCount: 9, ...crashed }] }, older),
  );
  setTimeout(() => api.put(`${deployments}/sums-predictor`, deployment(done)), 200);
  await wait();
});

test("an unschedulable pod is waited for, and named when the deadline passes", async () => {
  const conditions = [
    {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message: "0/3 nodes: 3 Insufficient nvidia.com/gpu",
    },
  ];
  api.put(`${deployments}/sums-predictor`, deployment({}));
  api.put(`${pods}/new`, pod("new", { phase: "Pending", conditions }));
  await expect(wait(0.5)).rejects.toThrow(
    "still not done after 0.5 s: Unschedulable: 0/3 nodes: 3 Insufficient nvidia.com/gpu",
  );
  expect(lines).toEqual(["sums: Unschedulable: 0/3 nodes: 3 Insufficient nvidia.com/gpu"]);
});

const probe = {
  namespace: "ai",
  service: { name: "sums-predictor", port: 80 },
  model: "sums",
  deadlineSeconds: 5,
  pauseMs: 10,
};
const path = "/api/v1/namespaces/ai/services/sums-predictor:80/proxy/v1/completions";
const reply = (...answers: [number, object][]) => {
  api.intercept = (request, response, body) => {
    expect(`${request.method} ${request.url}`).toBe(`POST ${path}`);
    expect(body).toMatchObject({ model: "sums", max_tokens: 1 });
    const [status, content] = (answers.length > 1 ? answers.shift() : answers[0]) ?? [500, {}];
    response.writeHead(status).end(JSON.stringify(content));
    return true;
  };
};

test("the model is probed until it answers under its name", async () => {
  reply(
    [404, { message: 'services "sums-predictor" not found' }],
    [503, { message: "no endpoints available" }],
    [200, { model: "sums", choices: [{ text: "2" }] }],
  );
  await answers(api.cluster(), probe);
  expect(api.requests).toHaveLength(3);
});

test.each<[string, [number, object], string]>([
  [
    "an unknown model",
    [404, { message: "The model `sums` does not exist." }],
    "404 The model `sums` does not exist.",
  ],
  ["another model", [200, { model: "other", choices: [{}] }], "did not answer as model sums"],
])("%s is a failure at once", async (_, answer, message) => {
  reply(answer);
  await expect(answers(api.cluster(), probe)).rejects.toThrow(message);
  expect(api.requests).toHaveLength(1);
});

test("a model that never answers fails at the deadline with the last error", async () => {
  reply([503, { message: "no endpoints available" }]);
  await expect(answers(api.cluster(), { ...probe, deadlineSeconds: 0.1 })).rejects.toThrow(
    "no endpoints available",
  );
});
