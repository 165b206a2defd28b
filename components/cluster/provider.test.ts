import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeApi } from "../../test/unit/fake-api.ts";
import { check, create, diff, read } from "./provider.ts";

const inputs = { context: "alice", namespace: "ai" };
const kubeSystem = "/api/v1/namespaces/kube-system";

let api: FakeApi;
let directory: string;
/** Contexts that lead to the cluster. */
const kubeconfig = (...names: string[]) => {
  const content = {
    clusters: [{ name: "fake", cluster: { server: api.url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "tester", user: {} }],
    contexts: names.map((name) => ({ name, context: { cluster: "fake", user: "tester" } })),
  };
  writeFileSync(join(directory, "config"), JSON.stringify(content));
};
const namespace = (name: string, uid: string) =>
  api.put(`/api/v1/namespaces/${name}`, { metadata: { name, uid } });
/** A user who may read no namespaces but these. */
const mayRead = (...names: string[]) => {
  api.intercept = (request, response) => {
    if (names.some((name) => request.url?.endsWith(`/namespaces/${name}`))) return false;
    response.writeHead(403).end("{}");
    return true;
  };
};

beforeEach(async () => {
  api = await FakeApi.start();
  directory = mkdtempSync(join(tmpdir(), "kubeconfig-"));
  kubeconfig("alice", "bob");
  vi.stubEnv("KUBECONFIG", join(directory, "config"));
  vi.spyOn(console, "log").mockImplementation(() => {});
  namespace("kube-system", "first");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true });
  await api.stop();
});

/** State after a first `up`. */
async function made() {
  const { inputs: checked, failures } = await check({}, inputs);
  expect(failures).toEqual([]);
  return (await create(checked as typeof inputs)).outs;
}

test("the cluster is known by the uid of kube-system, whatever the context's name", async () => {
  const state = await made();
  expect(state).toEqual({ ...inputs, kubeSystemUid: "first" });
  const renamed = await check(state, { ...inputs, context: "bob" });
  expect(renamed).toEqual({ inputs: { ...state, context: "bob" }, failures: [] });
  expect((await diff("id", state, renamed.inputs)).changes).toBe(false);
  expect(await read("id", state)).toEqual({ id: "id", props: state });
});

test("another cluster behind the context is refused with both identities, in preview, up and refresh", async () => {
  const state = await made();
  namespace("kube-system", "second");
  const { failures } = await check(state, inputs);
  const said =
    /context "alice" leads to another cluster.* has uid second, and had first.*MODELCAR_NEW_CLUSTER=second pulumi up/;
  expect(failures).toEqual([{ property: "context", reason: expect.stringMatching(said) }]);
  await expect(read("id", state)).rejects.toThrow(said);
  vi.stubEnv("MODELCAR_NEW_CLUSTER", "third");
  await expect(read("id", state)).rejects.toThrow(said);
});

test("a cluster that was made anew is taken by its uid", async () => {
  const state = await made();
  namespace("kube-system", "second");
  vi.stubEnv("MODELCAR_NEW_CLUSTER", "second");
  expect(await read("id", state)).toEqual({});
});

test("who may not read kube-system knows the cluster by the stack's own namespace", async () => {
  namespace("ai", "mine");
  mayRead("ai");
  const state = await made();
  expect(state).toEqual({ ...inputs, namespaceUid: "mine" });
  namespace("ai", "of another cluster");
  const reason = expect.stringContaining("or the namespace was made anew");
  expect((await check(state, inputs)).failures).toEqual([{ property: "context", reason }]);
  // An administrator sees more, and compares by the sign that is known.
  mayRead("ai", "kube-system");
  expect((await check(state, inputs)).failures).toEqual([{ property: "context", reason }]);
});

test("where nothing can be compared nothing is refused, and what is known stays known", async () => {
  const state = await made();
  mayRead();
  const blind = await check(state, inputs);
  expect(blind).toEqual({ inputs: state, failures: [] });
  expect((await diff("id", state, blind.inputs)).changes).toBe(false);
  const nothing = await check({}, inputs);
  expect(nothing).toEqual({ inputs, failures: [] });
  mayRead("kube-system");
  expect((await diff("id", inputs, (await check({}, inputs)).inputs)).changes).toBe(true);
});

test("a first preview already says that the context is not there, or that nobody answers", async () => {
  const reasonOf = async (context: string) => (await check({}, { ...inputs, context })).failures[0]?.reason;
  expect(await reasonOf("prod")).toContain('no context "prod" (it has: alice, bob)');
  api.intercept = (_, response) => {
    response.writeHead(503).end("{}");
    return true;
  };
  expect(await reasonOf("alice")).toContain(`GET ${kubeSystem}: 503`);
});
