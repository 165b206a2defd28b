import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { check, create, diff, type Identity, type IdentityInputs, read, update } from "./provider.ts";

const inputs = { context: "alice", namespace: "ai" };
const kubeSystem = "/api/v1/namespaces/kube-system";

let api: FakeApi;
let directory: string;
/** Contexts that lead to the cluster. */
const kubeconfig = (...names: string[]) => api.writeKubeconfig(join(directory, "config"), names);
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

test("the cluster is identified by the uid of kube-system, not by the context's name", async () => {
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
    /context "alice" leads to a cluster other than this stack's.* has uid second, and had first.*MODELCAR_NEW_CLUSTER=second pulumi up/;
  expect(failures).toEqual([{ property: "context", reason: expect.stringMatching(said) }]);
  await expect(read("id", state)).rejects.toThrow(said);
  vi.stubEnv("MODELCAR_NEW_CLUSTER", "third");
  await expect(read("id", state)).rejects.toThrow(said);
});

test("a recreated cluster is accepted by its uid", async () => {
  const state = await made();
  namespace("kube-system", "second");
  vi.stubEnv("MODELCAR_NEW_CLUSTER", "second");
  expect(await read("id", state)).toEqual({});
});

test("without permission to read kube-system the cluster is identified by the stack's namespace", async () => {
  namespace("ai", "mine");
  mayRead("ai");
  const state = await made();
  expect(state).toEqual({ ...inputs, namespaceUid: "mine" });
  namespace("ai", "of another cluster");
  const reason = expect.stringContaining("or the namespace was recreated");
  expect((await check(state, inputs)).failures).toEqual([{ property: "context", reason }]);
  // An administrator may read more, but only the known uid can be compared.
  mayRead("ai", "kube-system");
  expect((await check(state, inputs)).failures).toEqual([{ property: "context", reason }]);
});

test.each([
  ["and the user may now read kube-system", ["ai", "kube-system"], "first"],
  ["and the user may read nothing else", ["ai"], "unknown"],
])(
  "a cluster without the namespace, if state has only that uid, is refused, %s",
  async (_, readable, name) => {
    namespace("ai", "mine");
    mayRead("ai");
    const state = await made();
    api.remove("/api/v1/namespaces/ai");
    mayRead(...readable);
    const said = new RegExp(
      `or the namespace was deleted: .* does not exist, and had uid mine .*MODELCAR_NEW_CLUSTER=${name} pulumi up`,
    );
    const { failures, inputs: checked } = await check(state, inputs);
    expect(failures).toEqual([{ property: "context", reason: expect.stringMatching(said) }]);
    expect(checked).toEqual(state);
    await expect(read("id", state)).rejects.toThrow(said);
    vi.stubEnv("MODELCAR_NEW_CLUSTER", name);
    expect(await read("id", state)).toEqual({});
    expect((await check(state, inputs)).failures).toEqual([]);
  },
);

test("if nothing can be compared, nothing is refused, and the known uids stay in state", async () => {
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

test("even the first preview reports a missing context or an unreachable cluster", async () => {
  const reasonOf = async (context: string) => (await check({}, { ...inputs, context })).failures[0]?.reason;
  expect(await reasonOf("prod")).toContain('no context "prod" (it has: alice, bob)');
  api.intercept = (_, response) => {
    response.writeHead(503).end("{}");
    return true;
  };
  expect(await reasonOf("alice")).toContain(`GET ${kubeSystem}: 503`);
});

/** The state after the next `up`, its failures, and whether there is a diff. */
async function goesOn(state: IdentityInputs & Identity, news: IdentityInputs = inputs) {
  const { inputs: checked, failures } = await check(state, news);
  const { changes } = await diff("id", state, checked);
  const { outs } = changes ? await update("id", state, checked) : { outs: state };
  return { failures, changes, state: outs };
}
const known = { ...inputs, kubeSystemUid: "first", namespaceUid: "mine" };

test.each([
  ["exists", ["ai", "ai2"], "other"],
  ["does not exist yet", ["ai"], undefined],
])("a changed namespace in the config that %s is not another cluster", async (_, readable, uid) => {
  namespace("ai", "mine");
  mayRead("ai", "ai2");
  const state = await made();
  for (const name of readable) namespace(name, name === "ai" ? "mine" : "other");
  const moved = { ...inputs, namespace: "ai2" };
  const after = { ...moved, ...(uid ? { namespaceUid: uid } : {}) };
  expect(await goesOn(state, moved)).toEqual({ failures: [], changes: true, state: after });
  namespace("ai2", "other");
  const later = await goesOn(after, moved);
  expect(later.failures).toEqual([]);
  expect(later.state.namespaceUid).toBe("other");
  expect((await goesOn(later.state, moved)).changes).toBe(false);
});

test("if namespace and cluster change together, the old namespace's uid is compared", async () => {
  namespace("ai", "of another cluster");
  namespace("ai2", "other");
  mayRead("ai", "ai2");
  const { failures } = await check({ ...inputs, namespaceUid: "mine" }, { ...inputs, namespace: "ai2" });
  expect(failures[0]?.reason).toContain("has uid of another cluster, and had mine");
});

test("check accepts the cluster that the user names, as read does, with all its uids", async () => {
  namespace("kube-system", "second");
  namespace("ai", "new");
  vi.stubEnv("MODELCAR_NEW_CLUSTER", "second");
  const state = { ...inputs, kubeSystemUid: "second", namespaceUid: "new" };
  expect(await goesOn(known)).toEqual({ failures: [], changes: true, state });
  mayRead("ai");
  vi.stubEnv("MODELCAR_NEW_CLUSTER", "new");
  expect(await check(known, inputs)).toEqual({ inputs: { ...inputs, namespaceUid: "new" }, failures: [] });
  vi.stubEnv("MODELCAR_NEW_CLUSTER", "third");
  expect((await check(known, inputs)).failures).toHaveLength(1);
});

test("an administrator's state protects users who may read less", async () => {
  namespace("ai", "mine");
  const state = await made();
  expect(state).toEqual(known);
  namespace("ai", "of another cluster");
  mayRead("ai");
  expect((await check(state, inputs)).failures).toHaveLength(1);
  await expect(read("id", state)).rejects.toThrow("has uid of another cluster, and had mine");
});

test("the uid of the stack's namespace is stored once it exists and kube-system proves the cluster", async () => {
  const state = await made();
  namespace("ai", "mine");
  mayRead("ai");
  expect(await goesOn(state)).toEqual({ failures: [], changes: false, state });
  mayRead("ai", "kube-system");
  // Stored by the refresh, so that a preview after the first up shows no change.
  expect(await read("id", state)).toEqual({ id: "id", props: known });
  expect(await goesOn(state)).toEqual({ failures: [], changes: false, state });
  expect((await goesOn(known)).changes).toBe(false);
  // The first user who may read kube-system stores its uid.
  expect(await read("id", { ...inputs, namespaceUid: "mine" })).toEqual({ id: "id", props: known });
});

test("the refresh stores the new uid of a namespace that was recreated in the same cluster", async () => {
  expect((await read("id", known)).props).toEqual({ ...inputs, kubeSystemUid: "first" });
  namespace("ai", "anew");
  expect((await read("id", known)).props).toEqual({ ...known, namespaceUid: "anew" });
  expect(await goesOn(known)).toEqual({ failures: [], changes: false, state: known });
});
