import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ReadinessInputs, readinessProvider } from "./provider.ts";

const fetcher = { container: "fetch-model", variable: "MODEL_IMAGE" };
const { create, diff, read, update } = readinessProvider({ contextKey: "program:context", fetcher });

const inputs: ReadinessInputs = {
  context: "fake",
  namespace: "ai",
  kind: "Deployment",
  name: "sums",
  deployment: "sums",
  container: "vllm",
  service: { name: "sums", port: 80 },
  expected: { image: "vllm@sha256:1", modelImage: "registry/sums@sha256:2", args: [], resources: {} },
  uid: "u",
  revision: "r",
  timeoutSeconds: 5,
};
const url = "http://sums.ai.svc.cluster.local";
const ready = { ...inputs, url };
const deployments = "/apis/apps/v1/namespaces/ai/deployments";
const template = (modelImage = "registry/sums@sha256:2") => ({
  spec: {
    initContainers: [{ name: "fetch-model", env: [{ name: "MODEL_IMAGE", value: modelImage }] }],
    containers: [{ name: "vllm", image: "vllm@sha256:1" }],
  },
});
const available = (count: number) => ({
  observedGeneration: 1,
  replicas: count,
  updatedReplicas: count,
  availableReplicas: count,
});
const serve = (
  status: object,
  { replicas = 1, modelImage }: { replicas?: number; modelImage?: string } = {},
) =>
  api.put(`${deployments}/sums`, {
    metadata: { name: "sums", generation: 1 },
    spec: { replicas, selector: { matchLabels: { app: "sums" } }, template: template(modelImage) },
    status,
  });

let api: FakeApi;
let directory: string;
beforeEach(async () => {
  api = await FakeApi.start();
  directory = mkdtempSync(join(tmpdir(), "kubeconfig-"));
  api.writeKubeconfig(join(directory, "config"));
  vi.stubEnv("KUBECONFIG", join(directory, "config"));
  vi.spyOn(console, "log").mockImplementation(() => {});
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true });
  await api.stop();
});

test("a refresh sends one request, and removes the URL of a model that no pod of the declaration serves", async () => {
  serve(available(1));
  expect(await read("id", ready)).toEqual({ id: "id", props: ready });
  expect(api.requests).toHaveLength(1);
  const down = { id: "id", props: inputs };
  serve(available(0));
  expect(await read("id", ready)).toEqual(down);
  serve(available(1), { modelImage: "registry/other@sha256:3" });
  expect(await read("id", ready)).toEqual(down);
  api.remove(`${deployments}/sums`);
  expect(await read("id", ready)).toEqual(down);
  expect((await diff("id", inputs, inputs)).changes).toBe(true);
});

test("another name of the cluster is not another model: no request is sent, and state of old shims stores the name", async () => {
  const [olds, news] = [
    { ...ready, __provider: "with configure" },
    { ...inputs, context: "renamed" },
  ];
  expect((await diff("id", olds, news)).changes).toBe(false);
  expect((await diff("id", { ...ready, __provider: "an old shim" }, news)).changes).toBe(true);
  expect((await update("id", ready, news)).outs).toEqual({ ...ready, context: "renamed" });
  expect(api.requests).toEqual([]);
});

test("a model whose cluster is unreachable is not considered down; the user may declare it gone", async () => {
  vi.stubEnv("KUBECONFIG", join(directory, "missing"));
  expect(await read("id", ready)).toEqual({ id: "id", props: ready });
  vi.stubEnv("PULUMI_K8S_DELETE_UNREACHABLE", "true");
  expect(await read("id", ready)).toEqual({});
});

test("scaling is no change: a replica serves, or an autoscaler has scaled to zero", async () => {
  serve({ ...available(1), replicas: 3 }, { replicas: 3 });
  expect((await read("id", ready)).props).toEqual(ready);
  serve(available(0), { replicas: 0 });
  expect((await read("id", ready)).props).toEqual(ready);
});

test("a model behind a proxy with authentication is probed at its newest pod", async () => {
  const conditions = [{ type: "Ready", status: "True" }];
  const pod = (name: string, second: number) => ({
    metadata: { name, labels: { app: "sums" }, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
    ...template(),
    status: { phase: "Running", conditions },
  });
  api.put("/api/v1/namespaces/ai/pods/old", pod("old", 1));
  api.put("/api/v1/namespaces/ai/pods/new", pod("new", 2));
  serve(available(1));
  const asked: string[] = [];
  api.intercept = (request, response) => {
    if (request.method !== "POST") return false;
    asked.push(request.url ?? "");
    response.end(JSON.stringify({ model: "served-name", choices: [{}] }));
    return true;
  };
  const { id, outs } = await create({ ...inputs, viaPod: true, podPort: 9000, model: "served-name" });
  expect(asked).toEqual(["/api/v1/namespaces/ai/pods/new:9000/proxy/v1/completions"]);
  expect([id, outs.url]).toEqual(["ai/sums", url]);
});

test("a key that the Secret lacks is named, and the failure is kept in state", async () => {
  serve(available(1));
  api.put("/api/v1/namespaces/ai/secrets/sums-api-key", { metadata: { name: "sums-api-key" }, data: {} });
  const failing = create({ ...inputs, apiKeySecret: { name: "sums-api-key", key: "api-key" } });
  await expect(failing).rejects.toMatchObject({
    message: "Deployment ai/sums: Secret sums-api-key has no key api-key",
    id: "ai/sums",
    properties: { name: "sums" },
  });
});
