import { expect, test } from "vitest";
import { instanceFor, nodeSelectorFor } from "./placement.ts";

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

test("among instances with equal GPUs the cheapest with room for the pod is chosen", () => {
  const instances = {
    "g6.12xlarge": { gpus: 4, cpu: "48", memory: "192Gi", hourlyUsd: 4.6 },
    "g6.4xlarge": { gpus: 1, cpu: "16", memory: "64Gi", hourlyUsd: 1.32 },
    "g6.xlarge": { gpus: 1, cpu: "4", memory: "16Gi", hourlyUsd: 0.8 },
  };
  const accelerator = { gpuProduct: "NVIDIA-L4", instances };
  const type = (cpu: string, memory: string) => instanceFor(accelerator, 1, { cpu, memory })?.[0];
  expect(instanceFor(accelerator, 1)?.[0]).toBe("g6.xlarge");
  expect(type("2", "8Gi")).toBe("g6.xlarge");
  expect(type("6", "8Gi")).toBe("g6.4xlarge");
  expect(type("2", "16Gi")).toBe("g6.4xlarge");
  expect(type("20", "16Gi")).toBe("g6.12xlarge");
  // No type has room; the check of the pod reports it.
  expect(type("100", "16Gi")).toBe("g6.xlarge");
});
