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

test("an unbound claim is named with the last event of its provisioner", async () => {
  claim("Pending", "fast");
  event("Warning", "ProvisioningFailed", "quota of the pool is used up", "2026-01-01T00:00:01Z");
  event("Normal", "ExternalProvisioning", "waiting for a volume", "2026-01-01T00:00:02Z");
  const line = "claim models is not bound: ProvisioningFailed: quota of the pool is used up";
  expect(await told(pod(true))).toBe(line);
  expect(await told(pod(false))).toBe(line);
});

test("without events the storage class is named, or that there is none", async () => {
  claim("Pending", "fast");
  expect(await told(pod(true))).toBe("claim models is not bound (storage class fast)");
  claim("Pending");
  expect(await told(pod(true))).toContain("no storage class, and the cluster has no default class");
  api.remove(`${core}/persistentvolumeclaims/models`);
  expect(await told(pod(true))).toBe("claim models does not exist");
});

test("claims that are bound, still in time, or of a scheduled pod are not reported", async () => {
  claim("Pending", "fast");
  event("Normal", "WaitForFirstConsumer", "waiting for first consumer", "2026-01-01T00:00:01Z");
  expect(await told(pod(false))).toBeUndefined();
  expect(await told(pod(true, "node-1"))).toBeUndefined();
  claim("Bound", "fast");
  expect(await told(pod(true))).toBeUndefined();
});

test("without permission to read events the claim is still named; without permission to read claims nothing is reported", async () => {
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
