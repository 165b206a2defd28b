import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import { ApiError } from "./client.ts";
import { clusterToDeleteFrom, readOf } from "./unreachable.ts";

const props = { context: "fake" };
let api: FakeApi;
let directory: string;
let lines: string[];
const print = (line: string) => lines.push(line);
beforeEach(async () => {
  api = await FakeApi.start();
  lines = [];
  directory = mkdtempSync(join(tmpdir(), "kubeconfig-"));
  api.writeKubeconfig(join(directory, "config"));
  vi.stubEnv("KUBECONFIG", join(directory, "config"));
  vi.stubEnv("PULUMI_K8S_DELETE_UNREACHABLE", undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
  await api.stop();
});
const readVersion = () =>
  readOf(
    "id",
    props,
    props,
    async (cluster) => {
      await cluster.request("GET", "/version");
      return { id: "id", props };
    },
    print,
  );
const answer = (status: number) => {
  api.intercept = (_, response) => {
    response.writeHead(status).end("{}");
    return true;
  };
};

test.each<[string, () => unknown, RegExp]>([
  ["a server that is gone", () => api.stop(), /ECONNREFUSED/],
  ["a gateway without a server", () => answer(503), /GET \/version: 503/],
  ["a cluster that does not know the user", () => answer(401), /log in again/],
  ["a missing kubeconfig", () => vi.stubEnv("KUBECONFIG", join(directory, "none")), /cannot be read: ENOENT/],
  ["a context that was removed", () => writeFileSync(join(directory, "config"), "{}"), /no context "fake"/],
])("%s: state stays, deletion fails and tells what to do", async (_, happens, cause) => {
  await happens();
  expect(await readVersion()).toEqual({ id: "id", props });
  const failure = clusterToDeleteFrom("id", props, print, 0.1);
  await expect(failure).rejects.toThrow(cause);
  await expect(failure).rejects.toThrow("PULUMI_K8S_DELETE_UNREACHABLE=true");
  vi.stubEnv("PULUMI_K8S_DELETE_UNREACHABLE", "true");
  expect(await readVersion()).toEqual({});
  expect(await clusterToDeleteFrom("id", props, print)).toBeUndefined();
  expect(lines.at(-1)).toMatch(cause);
});

test("an error response removes nothing from the state", async () => {
  vi.stubEnv("PULUMI_K8S_DELETE_UNREACHABLE", "true");
  answer(403);
  await expect(readVersion()).rejects.toThrow(ApiError);
  await expect(clusterToDeleteFrom("id", props, print)).rejects.toThrow("403");
  answer(200);
  expect(await readVersion()).toEqual({ id: "id", props });
  expect(await clusterToDeleteFrom("id", props, print)).toBeDefined();
});

test.each([
  ["a file that is no YAML", "users: [{token: secret", /config cannot be read: /],
  ["a file that is no kubeconfig", "text", /it is not a kubeconfig/],
  ["a context without its cluster", '{"contexts":[{"name":"fake","context":{"cluster":"gone"}}]}', /"gone"/],
  ["a context that names no cluster", '{"contexts":[{"name":"fake","context":{}}]}', /names no cluster/],
])("%s must be fixed: nothing is removed from the state because of it", async (_, content, cause) => {
  writeFileSync(join(directory, "config"), content);
  vi.stubEnv("PULUMI_K8S_DELETE_UNREACHABLE", "true");
  expect(await readVersion()).toEqual({ id: "id", props });
  expect(lines).toEqual([expect.stringMatching(cause)]);
  expect(lines[0]).toContain("fix the kubeconfig");
  expect(lines[0]).not.toMatch(/PULUMI_K8S_DELETE_UNREACHABLE|secret/);
  await expect(clusterToDeleteFrom("id", props, print)).rejects.toThrow(cause);
});
