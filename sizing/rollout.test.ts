import { expect, test } from "vitest";
import { chooseRollout } from "./rollout.ts";

test.each([
  [{ gpus: 0 }, "RollingUpdate"],
  [{ gpus: 1 }, "Recreate"],
  [{ gpus: 4, spareGpus: 3 }, "Recreate"],
  [{ gpus: 4, spareGpus: 4 }, "RollingUpdate"],
  [{ gpus: 0, readWriteOnce: true }, "Recreate"],
  [{ gpus: 1, spareGpus: 8, readWriteOnce: true }, "Recreate"],
] as const)("%j: %s", (demand, strategy) => {
  expect(chooseRollout(demand)).toBe(strategy);
});
