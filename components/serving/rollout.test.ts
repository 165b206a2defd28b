import { expect, test } from "vitest";
import { deploymentStrategy } from "./rollout.ts";

const rolling = (maxSurge: number, maxUnavailable: number) => ({
  type: "RollingUpdate",
  rollingUpdate: { maxSurge, maxUnavailable },
});

test.each([
  ["Recreate", 4, 1, { type: "Recreate" }],
  ["Recreate", 0, 3, { type: "Recreate" }],
  ["RollingUpdate", 0, 1, rolling(1, 0)],
  ["RollingUpdate", 0, 3, rolling(1, 0)],
  ["RollingUpdate", 4, 1, rolling(1, 0)],
  ["RollingUpdate", 1, 2, rolling(0, 1)],
] as const)("%s with %d GPUs and %d replicas", (rollout, gpus, replicas, strategy) => {
  expect(deploymentStrategy({ rollout, gpus, replicas })).toEqual(strategy);
});
