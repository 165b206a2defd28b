import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { at, type Properties } from "../properties.ts";
import { KubernetesClient, loadKubeConfig } from "./client.ts";
import { watchUntil } from "./watch.ts";

const PODS = { group: "", version: "v1", plural: "pods", namespaced: true };

let server: Server;
let client: KubernetesClient;
let requests: string[];
/** What the server does, request by request. */
let script: ((response: ServerResponse) => void)[];

beforeEach(async () => {
  requests = [];
  script = [];
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    const step = script.shift();
    if (step) step(response);
    else response.flushHeaders();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const kubeconfig = JSON.stringify({
    "current-context": "c",
    clusters: [
      { name: "c", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } },
    ],
    users: [{ name: "u", user: {} }],
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
  });
  client = new KubernetesClient(await loadKubeConfig({ kubeconfig }), () => {});
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const pod = (phase: string, resourceVersion: string): Properties => ({
  metadata: { name: "p", namespace: "n", resourceVersion },
  status: { phase },
});
const list =
  (resourceVersion: string, ...items: Properties[]) =>
  (response: ServerResponse) =>
    response.end(JSON.stringify({ metadata: { resourceVersion }, items }));
const events =
  (...lines: { type: string; object: Properties }[]) =>
  (response: ServerResponse) =>
    response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));

/** Watches the pods of namespace `n` until one is in `phase`. */
function untilPhase(phase: string, signal = AbortSignal.timeout(5_000)): Promise<string> {
  const seen: string[] = [];
  const sets = [{ reference: { kind: PODS, namespace: "n" }, name: "p" }];
  return watchUntil(client, sets, signal, ([pods]) => {
    seen.push(String(at(pods?.[0], "status", "phase") ?? "none"));
    return seen.at(-1) === phase ? seen.join(" ") : undefined;
  });
}

it("lists, then watches from that version, and goes on after the server closes the stream", async () => {
  script = [
    list("5", pod("Pending", "4")),
    events({ type: "BOOKMARK", object: { metadata: { resourceVersion: "7" } } }),
    events({ type: "MODIFIED", object: pod("Running", "8") }),
  ];
  expect(await untilPhase("Running")).toBe("Pending Running");
  expect(requests[0]).toContain("fieldSelector=metadata.name%3Dp");
  expect(requests[1]).toContain("resourceVersion=5");
  expect(requests[2]).toContain("resourceVersion=7");
});

it("lists anew when its version is too old", async () => {
  const gone = { type: "ERROR", object: { code: 410, reason: "Expired" } };
  script = [
    list("5", pod("Pending", "4")),
    events(gone),
    list("20"),
    (response) => response.writeHead(410).end("{}"),
    list("30", pod("Running", "29")),
  ];
  expect(await untilPhase("Running")).toBe("Pending none Running");
});

it("outlives a server that is away for a while", async () => {
  script = [
    (response) => response.writeHead(503).end("{}"),
    (response) => response.destroy(),
    list("5", pod("Pending", "4")),
    (response) => {
      response.write('{"type":"MODIF');
      setTimeout(() => response.destroy(), 50);
    },
    events({ type: "MODIFIED", object: pod("Running", "8") }),
  ];
  expect(await untilPhase("Running")).toBe("Pending Running");
});

it("sees deletions", async () => {
  script = [list("5", pod("Running", "4")), events({ type: "DELETED", object: pod("Running", "6") })];
  expect(await untilPhase("none")).toBe("Running none");
});

it("fails with the server's words when it may not watch", async () => {
  const status = JSON.stringify({
    kind: "Status",
    message: "pods is forbidden",
    reason: "Forbidden",
    code: 403,
  });
  script = [(response) => response.writeHead(403).end(status)];
  await expect(untilPhase("Running")).rejects.toThrow("pods is forbidden");
});

it("fails when its kubeconfig cannot be used", async () => {
  const broken = JSON.stringify({
    "current-context": "c",
    clusters: [{ name: "c", cluster: { server: "http://127.0.0.1:1" } }],
    users: [{ name: "u", user: {} }],
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
  });
  client = new KubernetesClient(await loadKubeConfig({ kubeconfig: broken }), () => {});
  await expect(untilPhase("Running")).rejects.toThrow("HTTP protocol is not allowed");
});

it("ends with the signal's reason", async () => {
  const ending = new AbortController();
  script = [list("5", pod("Pending", "4"))];
  setTimeout(() => ending.abort(new Error("cancelled")), 100);
  await expect(untilPhase("Running", ending.signal)).rejects.toThrow("cancelled");
});
