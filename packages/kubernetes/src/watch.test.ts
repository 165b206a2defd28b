import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import { ApiError, type KubernetesObject } from "./client.ts";
import { passes, persistently } from "./retry.ts";
import { type Follow, follow } from "./watch.ts";

const path = "/api/v1/namespaces/ai/configmaps";
let api: FakeApi;
let seen: string[];
let contact: string[];
let controller: AbortController;
beforeEach(async () => {
  api = await FakeApi.start();
  seen = [];
  contact = [];
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  await api.stop();
});

const put = (name: string) => api.put(`${path}/${name}`, { metadata: { name } });
const start = (more: Partial<Follow<KubernetesObject>> = {}) =>
  follow(api.cluster(), {
    path,
    query: {},
    onChange: ({ metadata }) => seen.push(metadata.name),
    onGone: ({ metadata }) => seen.push(`-${metadata.name}`),
    onContact: (lost) => contact.push(lost?.message ?? "back"),
    signal: controller.signal,
    pauseMs: 10,
    ...more,
  });
const count = (kind: "list" | "watch") =>
  api.requests.filter((request) => request.includes("(watch)") === (kind === "watch")).length;

test("a silent stream is opened again at its version, without another GET", async () => {
  put("a");
  const following = start({ idleSeconds: 0.2 });
  await expect.poll(() => count("watch")).toBeGreaterThanOrEqual(2);
  put("b");
  await expect.poll(() => seen).toEqual(["a", "b"]);
  expect(count("list")).toBe(1);
  expect(contact[0]).toBe("no byte on the watch for 0.2 s");
  controller.abort();
  await following;
});

test("an expired version leads to a new GET, which shows what was deleted meanwhile", async () => {
  put("a");
  put("b");
  start();
  await expect.poll(() => api.openWatches).toBe(1);
  api.closeWatches({ type: "ERROR", object: { code: 410, message: "too old resource version" } });
  api.remove(`${path}/a`);
  await expect.poll(() => seen).toEqual(["a", "b", "-a"]);
  expect(count("list")).toBe(2);
  expect(contact).toEqual([]);
});

test("a refusal at first is thrown; later it counts as a restarting server", async () => {
  let forbidden = true;
  api.intercept = (_, response) => {
    if (forbidden) response.writeHead(403).end(JSON.stringify({ message: "forbidden" }));
    return forbidden;
  };
  await expect(start()).rejects.toThrow("403 forbidden");
  forbidden = false;
  start();
  await expect.poll(() => api.openWatches).toBe(1);
  forbidden = true;
  api.closeWatches();
  await expect.poll(() => contact.length).toBe(1);
  put("b");
  forbidden = false;
  await expect.poll(() => seen).toEqual(["b"]);
  expect(contact).toEqual([expect.stringContaining("403 forbidden"), "back"]);
});

test("a request to a busy server is retried after its Retry-After", async () => {
  const times: number[] = [];
  api.intercept = (_, response) => {
    times.push(performance.now());
    if (times.length > 1) return false;
    response.writeHead(429, { "Retry-After": "1" }).end(JSON.stringify({ message: "too many requests" }));
    return true;
  };
  const lines: string[] = [];
  const options = { print: (line: string) => lines.push(line), pauseMs: 10 };
  await persistently(() => api.cluster().request("GET", path), options);
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(950);
  expect(lines).toEqual([expect.stringContaining("429 too many requests")]);
});

test("patience ends with the last error, and a refusal is not retried", async () => {
  const failing = (status: number) => async () => {
    throw new ApiError(status, `status ${status}`);
  };
  const options = { print: () => {}, pauseMs: 5, patienceSeconds: 0.05 };
  await expect(persistently(failing(500), options)).rejects.toThrow("status 500");
  await expect(persistently(failing(403), { print: () => {} })).rejects.toThrow("status 403");
});

test("a wrong certificate is permanent, a refused connection is transient", () => {
  expect(passes(Object.assign(new Error(), { code: "SELF_SIGNED_CERT_IN_CHAIN" }))).toBe(false);
  expect(passes(Object.assign(new Error(), { code: "ECONNREFUSED" }))).toBe(true);
});

test("refused credentials are read again once", async () => {
  const tokens: (string | undefined)[] = [];
  api.intercept = (request, response) => {
    tokens.push(request.headers.authorization);
    if (request.headers.authorization === "Bearer new") return false;
    response.writeHead(401).end(JSON.stringify({ message: "Unauthorized" }));
    return true;
  };
  await api.cluster({ token: "old", renewed: "new" }).request("GET", path);
  expect(tokens).toEqual(["Bearer old", "Bearer new"]);
  await expect(api.cluster({ token: "old", renewed: "old" }).request("GET", path)).rejects.toThrow(
    "401 Unauthorized; log in again",
  );
});
