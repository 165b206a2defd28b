import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  KubeconfigError,
  loadKubeconfig,
  MissingKubeconfigError,
  UnknownContextError,
} from "./kubeconfig.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kubeconfig-"));
  write("a", kubeconfig("alice"));
  write("b", kubeconfig("bob"));
  write("empty", "# nothing yet\n");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

/** As kubeadm writes it: the cluster has the same name everywhere. */
function kubeconfig(user: string) {
  return JSON.stringify({
    clusters: [
      { name: "kubernetes", cluster: { server: `https://${user}.test`, "certificate-authority": "ca.crt" } },
    ],
    users: [{ name: user, user: { token: user } }],
    contexts: [{ name: user, context: { cluster: "kubernetes", user } }],
    "current-context": user,
  });
}
function write(name: string, content: string) {
  mkdirSync(join(directory, name, ".."), { recursive: true });
  writeFileSync(join(directory, name), content);
}
/** KUBECONFIG names files of the directory. */
function use(...names: string[]) {
  vi.stubEnv("KUBECONFIG", names.map((name) => name && join(directory, name)).join(delimiter));
}

test.each([
  ["a"],
  ["a", "missing"],
  ["missing", "a"],
  ["a", "a"],
  ["a", "empty"],
  ["empty", "a"],
  ["", "a", ""],
  ["a", "b"],
])("KUBECONFIG may name %s, %s, %s", (...names) => {
  use(...names);
  const config = loadKubeconfig({ context: "alice" });
  expect(config.getCurrentUser()?.token).toBe("alice");
  expect(config.getCurrentCluster()?.server).toBe("https://alice.test");
});

test("the first file that names an entry wins, and its paths are relative to it", () => {
  write("below/c", kubeconfig("bob"));
  use("below/c", "a");
  const config = loadKubeconfig({ context: "alice" });
  expect(config.getCurrentUser()?.token).toBe("alice");
  expect(config.getCurrentCluster()).toMatchObject({
    server: "https://bob.test",
    caFile: join(directory, "below", "ca.crt"),
  });
});

test("an unused incomplete entry does no harm", () => {
  const content = JSON.parse(kubeconfig("alice"));
  content.clusters.push({ name: "removed", cluster: {} });
  content.contexts.push({ name: "removed", context: {} });
  write("a", JSON.stringify(content));
  use("a");
  expect(loadKubeconfig({ context: "alice" }).getCurrentContext()).toBe("alice");
  expect(() => loadKubeconfig({ context: "removed" })).toThrow('context "removed" names no cluster');
});

test("without KUBECONFIG the one in the home directory is used", () => {
  vi.stubEnv("KUBECONFIG", "");
  vi.stubEnv("HOME", directory);
  write(".kube/config", kubeconfig("home"));
  expect(loadKubeconfig({ context: "home" }).getCurrentUser()?.token).toBe("home");
});

test("errors name what is wrong", () => {
  use("missing", "gone");
  expect(() => loadKubeconfig({ context: "alice" })).toThrow(MissingKubeconfigError);
  use("empty");
  expect(() => loadKubeconfig({ context: "alice" })).toThrow(UnknownContextError);
  use("a", "b");
  expect(() => loadKubeconfig({ context: "carol" })).toThrow('no context "carol" (it has: alice, bob)');
  vi.stubEnv("KUBECONFIG", directory);
  expect(() => loadKubeconfig({ context: "alice" })).toThrow(KubeconfigError);
});

test("a kubeconfig may be given by its content or a path; the default is its current context", () => {
  use("missing");
  const content = kubeconfig("carol");
  expect(loadKubeconfig({ kubeconfig: content }).getCurrentUser()?.token).toBe("carol");
  expect(
    loadKubeconfig({ kubeconfig: join(directory, "a"), context: "alice" }).getCurrentCluster(),
  ).toMatchObject({
    caFile: join(directory, "ca.crt"),
  });
  vi.stubEnv("HOME", directory);
  expect(loadKubeconfig({ kubeconfig: "~/b" }).getCurrentUser()?.token).toBe("bob");
});

test("errors about a given kubeconfig do not show its content", () => {
  const secret = "token: secret: {";
  const message = (kubeconfig: string, context?: string) => {
    try {
      loadKubeconfig({ kubeconfig, ...(context ? { context } : {}) });
      return "none";
    } catch (error) {
      expect(error).toBeInstanceOf(KubeconfigError);
      return (error as Error).message;
    }
  };
  expect(message(secret)).toMatch(/^the kubeconfig given to the resource cannot be read: /);
  expect(message(secret)).not.toContain("secret");
  expect(message("clusters: []")).toBe("the kubeconfig has no current context; name one");
  expect(message(kubeconfig("carol"), "dave")).toContain('no context "dave" (it has: carol)');
  expect(() => loadKubeconfig({ kubeconfig: "/no/such/file" })).toThrow(MissingKubeconfigError);
});
