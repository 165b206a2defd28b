import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { baseName, type RunInputs } from "./inputs.ts";
import { identity } from "./ownership.ts";
import { pipelineRunProvider } from "./provider.ts";

const conventions = { labelPrefix: "test", contextKey: "program:context", leftovers: [] };
const { check, configure, create, diff, read, remove, update } = pipelineRunProvider(conventions);

const inputs: RunInputs & { __provider: string } = {
  context: "fake",
  namespace: "ai",
  prefix: "model-import-sums",
  spec: {
    pipelineRef: { name: "model-import" },
    params: [],
    workspaces: [],
    taskRunTemplate: { serviceAccountName: "p", podTemplate: { securityContext: {} } },
    timeouts: { pipeline: "1h0m0s" },
  },
  definition: "d1",
  timeoutSeconds: 60,
  __provider: "the shim",
};
const finished = { ...inputs, name: "r", uid: "u", startTime: "t", completionTime: "t", results: {} };
const ended = (status: string, reason: string) => ({
  conditions: [{ type: "Succeeded", status, reason, message: "because" }],
  completionTime: "2026-01-01T00:01:00Z",
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
const tektonEnds = (status: object) => {
  api.onCreate = (path) => api.edit(path, (run) => (run.status = status));
};

test("the same inputs are no change, whatever the shim's text; other inputs and failed runs are one", async () => {
  expect(await diff("id", finished, { ...inputs, __provider: "other text" })).toEqual({
    changes: false,
    replaces: [],
  });
  const timeouts = { pipeline: "2h20m0s", tasks: "2h0m0s", finally: "20m0s" };
  expect(await diff("id", finished, { ...inputs, spec: { ...inputs.spec, timeouts } })).toEqual({
    changes: false,
    replaces: [],
  });
  expect(await diff("id", finished, { ...inputs, definition: "d2" })).toEqual({
    changes: true,
    replaces: [],
  });
  expect(await diff("id", { ...inputs, name: "r" }, inputs)).toEqual({ changes: true, replaces: [] });
  expect((await diff("id", finished, { ...inputs, namespace: "other" })).replaces).toEqual(["namespace"]);
});

test("create returns an id that does not depend on the inputs, and keeps inputs and outputs", async () => {
  tektonEnds(ended("True", "Succeeded"));
  const { id, outs } = await create(inputs);
  expect(id).toBe("ai/model-import-sums");
  expect(outs).toMatchObject({ ...inputs, completionTime: "2026-01-01T00:01:00Z" });
});

test("a failed run stays in state, with what Pulumi needs to try again, and the next update starts a new attempt", async () => {
  tektonEnds(ended("False", "Failed"));
  const error = await create(inputs).catch((error: object) => error);
  const { properties } = error as { properties: typeof finished };
  expect(error).toMatchObject({
    id: "ai/model-import-sums",
    reasons: [expect.stringContaining("Failed: because")],
  });
  expect(properties).toEqual({ ...inputs, name: expect.stringMatching(/^model-import-sums-[0-9a-f]{8}$/) });
  tektonEnds(ended("True", "Succeeded"));
  const { outs } = await update("ai/model-import-sums", properties, inputs);
  expect(outs.name).toBe(`${properties.name}-2`);
});

test("a finished run that was pruned stays in state; without its namespace it is removed", async () => {
  api.put("/api/v1/namespaces/ai", { metadata: { name: "ai" } });
  expect(await read("id", finished)).toEqual({ id: "id", props: finished });
  api.remove("/api/v1/namespaces/ai");
  expect(await read("id", finished)).toEqual({});
});

test("a recreated namespace does not contain what the run made", async () => {
  api.put("/api/v1/namespaces/ai", { metadata: { name: "ai", uid: "second" } });
  expect(await read("id", { ...finished, namespaceUid: "first" })).toEqual({});
  expect((await read("id", { ...finished, namespaceUid: "second" })).id).toBe("id");
});

test("without permission to read namespaces state stays unchanged", async () => {
  api.intercept = (_, response) => {
    response.writeHead(403).end("{}");
    return true;
  };
  expect((await read("id", { ...finished, namespaceUid: "first" })).id).toBe("id");
});

test("a refresh stores the results of an unfinished run that has succeeded meanwhile", async () => {
  api.put("/api/v1/namespaces/ai", { metadata: { name: "ai" } });
  const [name, path] = [
    baseName(inputs),
    `/apis/tekton.dev/v1/namespaces/ai/pipelineruns/${baseName(inputs)}`,
  ];
  const unfinished = { ...inputs, name };
  const run = { metadata: { name, labels: identity(conventions, inputs, 1) }, status: {} };
  api.put(path, run);
  expect((await read("id", unfinished)).props).toEqual(unfinished);
  api.put(path, { ...run, status: ended("True", "Succeeded") });
  expect((await read("id", unfinished)).props).toMatchObject({ completionTime: "2026-01-01T00:01:00Z" });
});

test("a change that does not affect the result is stored without a run", async () => {
  const kept = { ...inputs, history: "keep" as const };
  expect((await diff("id", finished, kept)).changes).toBe(true);
  const { outs } = await update("id", finished, kept);
  expect(outs).toMatchObject({ history: "keep", name: "r", completionTime: "t" });
  expect(api.requests).toEqual([]);
});

test("another context starts a run only if it leads to another cluster", async () => {
  const olds = { ...finished, context: "an older name", namespaceUid: "uid-ai" };
  api.put("/api/v1/namespaces/ai", { metadata: { name: "ai" } });
  expect((await diff("id", olds, inputs)).changes).toBe(true);
  expect((await update("id", olds, inputs)).outs).toMatchObject({ name: "r", context: "fake" });
  tektonEnds(ended("True", "Succeeded"));
  const elsewhere = { ...olds, namespaceUid: "of another cluster" };
  expect((await update("id", elsewhere, inputs)).outs.name).toBe(baseName(inputs));
});

const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const withParams = (params: object) => ({
  ...inputs,
  spec: { ...inputs.spec, params: Object.entries(params).map(([name, value]) => ({ name, value })) },
});
const said = () => vi.mocked(console.log).mock.calls.flat();

test("preview prints once which inputs start another run, including unknown ones", async () => {
  const olds = { ...withParams({ REVISION: "1", SAME: "same" }), name: "r", completionTime: "t" };
  await diff("id", olds, withParams({ REVISION: "2", SAME: "same" }));
  await diff("id", olds, withParams({ REVISION: "2", SAME: "same" }));
  await diff("id", olds, withParams({ REVISION: unknown, SAME: "same" }));
  await diff("id", olds, { ...withParams({ SAME: "same", NEW: "x" }), trigger: unknown });
  expect(said()).toEqual([
    'model-import-sums: a new run, because of params.REVISION ("1" → "2")',
    'model-import-sums: a new run, because of params.REVISION ("1" → known after apply, no run if it stays)',
    'model-import-sums: a new run, because of trigger (known after apply, no run if it stays), params.REVISION ("1" → none), params.NEW (none → "x")',
  ]);
});

test("it shows the part of a long param that differs", async () => {
  const manifest = (uri: string) => JSON.stringify({ kind: "InferenceService", labels: "x".repeat(90), uri });
  const olds = { ...withParams({ SERVICE: manifest("s3://b/1/") }), name: "r", completionTime: "t" };
  await diff("id", olds, withParams({ SERVICE: manifest("s3://b/2/") }));
  expect(said()[0]).toMatch(/params\.SERVICE \(….*s3:\/\/b\/1\/\\"}" → ….*s3:\/\/b\/2\/\\"}"\)$/);
  expect(said()[0]?.length).toBeLessThan(220);
});

test.each(["spec", "params", "workspaces"])(
  "an unknown %s is one change, not one for each of its entries",
  async (whole) => {
    const params = Object.fromEntries(Array.from({ length: 27 }, (_, i) => [`P${i}`, "v"]));
    const bound = [{ name: "models", persistentVolumeClaim: { claimName: "c" } }];
    const known = withParams(params);
    const olds = {
      ...known,
      spec: { ...known.spec, workspaces: bound },
      prefix: whole,
      name: "r",
      completionTime: "t",
    };
    const news =
      whole === "spec" ? { ...olds, spec: unknown } : { ...olds, spec: { ...olds.spec, [whole]: unknown } };
    await diff("id", olds, news as never);
    expect(said()).toEqual([
      `${whole}: a new run, because of ${whole} (known after apply, no run if it stays)`,
    ]);
  },
);

test("params keep their positions in state, so that Pulumi's diff shows only what changes", async () => {
  const order = async (olds: object, news: object) => {
    const { inputs: checked } = await check(withParams(olds), withParams(news));
    return checked.spec.params?.map(({ name }) => name);
  };
  expect(await order({ A: "1", B: "1", C: "1" }, { A: "1", NEW: "1", B: "2", C: "1" })).toEqual([
    "A",
    "B",
    "C",
    "NEW",
  ]);
  expect(await order({ A: "1", B: "1", C: "1" }, { NEW: "1", C: "1", A: "1" })).toEqual(["A", "NEW", "C"]);
  // The last one moves into the place of one that is gone, not all behind it by one.
  expect(await order({ A: "1", B: "1", C: "1", D: "1" }, { A: "1", C: "1", D: "1" })).toEqual([
    "A",
    "D",
    "C",
  ]);
  expect(await order({ A: "1", B: "1", C: "1" }, { A: "1" })).toEqual(["A"]);
  expect((await check({}, withParams({ B: "1", A: "1" }))).inputs).toEqual(withParams({ B: "1", A: "1" }));
  const later = { ...inputs, spec: unknown } as never;
  expect((await check(withParams({ A: "1" }), later)).inputs).toBe(later);
});

test("a missing context is named, with the contexts of the kubeconfig", async () => {
  await expect(create({ ...inputs, context: "prod" })).rejects.toThrow('no context "prod" (it has: fake)');
});

test("a new name of the context is no change, and the one in the stack's config is used", async () => {
  const state = { ...finished, __provider: "with configure", context: "an older name" };
  expect((await diff("id", state, inputs)).changes).toBe(false);
  api.put("/api/v1/namespaces/ai", { metadata: { name: "ai" } });
  await configure({ config: { get: (key) => (key === "program:context" ? "fake" : undefined) } });
  expect(await read("id", state)).toEqual({ id: "id", props: state });
  expect(api.requests).toContain("GET /api/v1/namespaces/ai");
  await configure({ config: { get: () => undefined } });
});

test("a cluster may be given by a kubeconfig, and renewed credentials start no run", async () => {
  vi.stubEnv("KUBECONFIG", join(directory, "none"));
  api.writeKubeconfig(join(directory, "given"));
  const { context: _, ...rest } = inputs;
  const given = { ...rest, kubeconfig: readFileSync(join(directory, "given"), "utf8"), context: "fake" };
  api.put("/api/v1/namespaces/ai", { metadata: { name: "ai" } });
  tektonEnds(ended("True", "Succeeded"));
  const { id, outs } = await create(given);
  expect([outs.kubeconfig, outs.logs]).toEqual([
    given.kubeconfig,
    expect.stringContaining("kubectl --context fake --namespace ai"),
  ]);
  const renewed = { ...given, kubeconfig: `${given.kubeconfig} ` };
  expect((await diff(id, outs, renewed)).changes).toBe(true);
  const posts = () => api.requests.filter((request) => request.startsWith("POST")).length;
  expect((await update(id, outs, renewed)).outs).toEqual({ ...outs, kubeconfig: renewed.kubeconfig });
  expect(posts()).toBe(1);
  // By a context again: what is not said any more leaves the state.
  vi.stubEnv("KUBECONFIG", join(directory, "config"));
  expect((await update(id, outs, inputs)).outs).not.toHaveProperty("kubeconfig");
  expect(posts()).toBe(1);
});

test("a run without a cluster is refused in the preview, but not one whose cluster is still unknown", async () => {
  const { context: _, ...nowhere } = inputs;
  expect((await check({}, nowhere)).failures).toEqual([
    { property: "context", reason: expect.stringMatching(/^set the cluster: /) },
  ]);
  const later = { ...nowhere, kubeconfig: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" };
  expect((await check({}, later)).failures).toEqual([]);
});

test("a run whose cluster is unreachable stays in state, unless the user has set the variable", async () => {
  const gone = { ...finished, context: "removed" };
  expect(await read("id", gone)).toEqual({ id: "id", props: gone });
  await expect(remove("id", gone)).rejects.toThrow(
    /no context "removed" \(it has: fake\).*PULUMI_K8S_DELETE_UNREACHABLE=true/,
  );
  vi.stubEnv("PULUMI_K8S_DELETE_UNREACHABLE", "true");
  expect(await read("id", gone)).toEqual({});
  await remove("id", gone);
  expect(vi.mocked(console.log).mock.calls.flat()).toEqual([
    expect.stringMatching(/^warning: the state is left unchanged.*"removed"/),
    expect.stringMatching(/^warning: id: removed from the state/),
    expect.stringMatching(/^warning: id: only removed from the state/),
  ]);
});
