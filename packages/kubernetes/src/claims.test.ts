import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import { unboundClaims } from "./claims.ts";
import type { Pod } from "./pods.ts";

const core = "/api/v1/namespaces/ai";
const pod = (refused: boolean, nodeName?: string): Pod => ({
  metadata: { name: "sums" },
  spec: {
    containers: [],
    ...(nodeName ? { nodeName } : {}),
    volumes: [{}, { persistentVolumeClaim: { claimName: "models" } }],
  },
  status: {
    conditions: refused
      ? [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "no" }]
      : [],
  },
});
const claim = (phase: string, storageClassName?: string) =>
  api.put(`${core}/persistentvolumeclaims/models`, {
    metadata: { name: "models" },
    spec: storageClassName ? { storageClassName } : {},
    status: { phase },
  });
const event = (type: string, reason: string, message: string, lastTimestamp: string) =>
  api.put(`${core}/events/models.${reason}`, {
    metadata: { name: `models.${reason}` },
    involvedObject: { kind: "PersistentVolumeClaim", name: "models" },
    type,
    reason,
    message,
    lastTimestamp,
  });

let api: FakeApi;
beforeEach(async () => {
  api = await FakeApi.start();
});
afterEach(() => api.stop());
const told = (of: Pod) => unboundClaims(api.cluster(), "ai", of);

test("a claim that does not bind is named with what its class's provisioner says last", async () => {
  claim("Pending", "fast");
  event("Warning", "ProvisioningFailed", "quota of the pool is used up", "2026-01-01T00:00:01Z");
  event("Normal", "ExternalProvisioning", "waiting for a volume", "2026-01-01T00:00:02Z");
  const line = "claim models is not bound: ProvisioningFailed: quota of the pool is used up";
  expect(await told(pod(true))).toBe(line);
  expect(await told(pod(false))).toBe(line);
});

test("without events the class is named, or that there is none", async () => {
  claim("Pending", "fast");
  expect(await told(pod(true))).toBe("claim models is not bound (storage class fast)");
  claim("Pending");
  expect(await told(pod(true))).toContain("no storage class, and the cluster has no default one");
  api.remove(`${core}/persistentvolumeclaims/models`);
  expect(await told(pod(true))).toBe("claim models does not exist");
});

test("claims that are bound, that still have their time, or of a pod with a node are no news", async () => {
  claim("Pending", "fast");
  event("Normal", "WaitForFirstConsumer", "waiting for first consumer", "2026-01-01T00:00:01Z");
  expect(await told(pod(false))).toBeUndefined();
  expect(await told(pod(true, "node-1"))).toBeUndefined();
  claim("Bound", "fast");
  expect(await told(pod(true))).toBeUndefined();
});

test("who may not read events still learns which claim it is, and who may not read claims nothing", async () => {
  claim("Pending", "fast");
  const refuse = (part: string) => {
    api.intercept = (request, response) => {
      if (!request.url?.includes(part)) return false;
      response.writeHead(403).end("{}");
      return true;
    };
  };
  refuse("/events");
  expect(await told(pod(true))).toBe("claim models is not bound (storage class fast)");
  refuse("/persistentvolumeclaims");
  expect(await told(pod(true))).toBeUndefined();
});
