import { expect, test } from "vitest";
import { nodeSelectorFor } from "./placement.ts";

const l4 = { gpuProduct: "NVIDIA-L4", instances: { "g6.12xlarge": { gpus: 4 }, "g6.4xlarge": { gpus: 1 } } };

test.each([
  [1, "g6.4xlarge"],
  [2, "g6.12xlarge"],
  [4, "g6.12xlarge"],
])("%d GPUs go to %s", (gpus, instance) => {
  expect(nodeSelectorFor(l4, gpus)).toEqual({
    "nvidia.com/gpu.product": "NVIDIA-L4",
    "node.kubernetes.io/instance-type": instance,
  });
});

test("more GPUs than any instance has are refused", () => {
  expect(() => nodeSelectorFor(l4, 8)).toThrow("no instance type of NVIDIA-L4 has 8 GPUs");
});
