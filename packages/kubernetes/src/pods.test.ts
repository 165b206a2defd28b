import { expect, test } from "vitest";
import { newestReady, type Pod, podProblem } from "./pods.ts";

const pod = (status: Pod["status"]): Pod => ({ metadata: { name: "p" }, ...(status ? { status } : {}) });
const container = (restartCount: number, state: object, lastState: object = {}) =>
  pod({ containerStatuses: [{ name: "c", restartCount, state, lastState }] });

test("a pod that is new, running or succeeded has no problem", () => {
  expect(podProblem(pod(undefined))).toBeUndefined();
  expect(podProblem(container(0, { running: {} }))).toBeUndefined();
  expect(podProblem(container(0, { terminated: { exitCode: 0 } }))).toBeUndefined();
  expect(podProblem(container(0, { waiting: { reason: "ContainerCreating" } }))).toBeUndefined();
});

test("a pod without a node may wait for one longer than a pod without an image", () => {
  const unschedulable = podProblem(
    pod({
      conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes" }],
    }),
  );
  const image = podProblem(container(0, { waiting: { reason: "ImagePullBackOff", message: "not found" } }));
  expect(unschedulable?.text).toBe("Unschedulable: 0/1 nodes");
  expect(image?.text).toBe("container c: ImagePullBackOff: not found");
  expect(unschedulable?.patience).toBeGreaterThan(image?.patience ?? Number.POSITIVE_INFINITY);
});

test("the first crash is tolerated, the second is not, and out of memory never", () => {
  const crash = { terminated: { exitCode: 1, reason: "Error" } };
  expect(podProblem(container(1, {}, crash))).toBeUndefined();
  expect(podProblem(container(2, {}, crash))).toMatchObject({ patience: 0, crashed: "c" });
  const killed = podProblem(container(0, { terminated: { exitCode: 137, reason: "OOMKilled" } }));
  expect(killed).toMatchObject({ patience: 0, text: expect.stringContaining("give it more memory") });
});

test("a container lost with its node has not crashed, however often", () => {
  for (const reason of ["Unknown", "ContainerStatusUnknown"]) {
    const lost = { terminated: { exitCode: 255, reason } };
    expect(podProblem(container(5, {}, lost))).toBeUndefined();
    expect(podProblem(container(5, lost))).toBeUndefined();
  }
});

test("an init container's problem also counts", () => {
  const status = {
    name: "storage-initializer",
    restartCount: 3,
    state: {},
    lastState: { terminated: { exitCode: 1 } },
  };
  expect(podProblem(pod({ initContainerStatuses: [status] }))?.crashed).toBe("storage-initializer");
});

test("the newest ready pod is neither unready nor being deleted", () => {
  const named = (name: string, more: object, status = "True") => ({
    metadata: { name, creationTimestamp: "2026-01-01T00:00:00Z", ...more },
    status: { conditions: [{ type: "Ready", status }] },
  });
  expect(
    newestReady([named("leaving", { deletionTimestamp: "now" }), named("starting", {}, "False")]),
  ).toBeUndefined();
});
