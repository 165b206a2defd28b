import { expect, test } from "vitest";
import { describe } from "./task-lines.ts";

const line = (status: "True" | "False" | "Unknown", reason: string, message = "", more = {}) =>
  describe({
    metadata: { name: "t" },
    status: { conditions: [{ type: "Succeeded", status, reason, message }], ...more },
  });

test.each([
  ["Pending", 'pod status "PodReadyToStartContainers":"False"; message: ""', "Pending"],
  ["Pending", 'pod status "Ready":"False"; message: "containers with unready status: [step-a]"', "Pending"],
  [
    "Pending",
    'pod status "PodScheduled":"False"; message: "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."',
    "waiting for a node: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
  ],
  [
    "Pending",
    'build step "step-pull" is pending with reason "Back-off pulling image \\"x\\""',
    'step pull does not start: Back-off pulling image \\"x\\"',
  ],
  [
    "ExceededResourceQuota",
    'TaskRun Pod exceeded available resources: pods "x" is forbidden: exceeded quota: q, requested: limits.memory=8Gi, used: limits.memory=0, limited: limits.memory=1Gi',
    "waiting for quota: q, requested: limits.memory=8Gi, used: limits.memory=0, limited: limits.memory=1Gi",
  ],
  [
    "PullImageFailed",
    'build step "step-a" is pending with reason "no such image"',
    "step a does not start: no such image",
  ],
  [
    "ExceededNodeResources",
    "TaskRun Pod exceeded available resources",
    "waiting for a node: none has room now",
  ],
  ["Running", "Not all Steps in the Task have finished executing", "Running"],
])("%s: %s", (reason, message, expected) => {
  expect(line("Unknown", reason, message)).toBe(expected);
});

test("a finished task shows its duration by the cluster's clock, or why it failed", () => {
  const times = { startTime: "2026-01-01T00:00:00Z", completionTime: "2026-01-01T00:03:20Z" };
  expect(line("True", "Succeeded", "All Steps have completed executing", times)).toBe(
    "Succeeded after 3 min 20 s",
  );
  expect(line("False", "Failed", '"step-pull" exited with code 3\nmore')).toBe(
    'Failed: "step-pull" exited with code 3',
  );
});
