import { expect, test } from "vitest";
import { podAmounts, podCounts } from "./demand.ts";

const server = { cpu: "6", cpuLimit: "8", memory: "16Gi", memoryLimit: "16Gi" };
const small = { cpu: "100m", cpuLimit: "200m", memory: "64Mi", memoryLimit: "128Mi" };

test("containers that run together add up; an init container counts if it is larger", () => {
  const fetch = { cpu: "100m", cpuLimit: "1", memory: "100Mi", memoryLimit: "24Gi" };
  expect(
    podAmounts({ ...server, gpus: 1, ephemeralStorage: "25Gi", initContainers: [fetch], sidecars: [small] }),
  ).toEqual({
    cpu: 6.1,
    cpuLimit: 8.2,
    memory: 16 * 2 ** 30 + 64 * 2 ** 20,
    memoryLimit: 24 * 2 ** 30,
    ephemeralStorage: 25 * 2 ** 30,
    gpus: 1,
  });
});

test("if a container has no CPU limit, the pod's is unknown", () => {
  const { cpuLimit: _, ...unlimited } = small;
  expect(podAmounts({ ...server, sidecars: [unlimited] }).cpuLimit).toBeUndefined();
  expect(podAmounts({ ...server, initContainers: [unlimited] }).cpuLimit).toBeUndefined();
});

const autoscaling = { minReplicas: 1, maxReplicas: 4 };
test.each([
  [{ rollout: "Recreate" }, [1, 1, 1]],
  [{ rollout: "RollingUpdate" }, [1, 1, 2]],
  [{ rollout: "RollingUpdate", gpus: 1 }, [1, 1, 2]],
  [{ rollout: "RollingUpdate", replicas: 3 }, [3, 3, 4]],
  // With several on GPUs one stops before the next starts.
  [{ rollout: "RollingUpdate", replicas: 3, gpus: 1 }, [3, 3, 3]],
  [{ rollout: "RollingUpdate", autoscaling }, [1, 4, 5]],
  [{ rollout: "Recreate", autoscaling: { minReplicas: 0, maxReplicas: 4 } }, [0, 4, 4]],
  [{ rollout: "RollingUpdate", autoscaling, stopped: true }, [0, 0, 0]],
] as const)("pods of %j", (service, counts) => {
  expect(Object.values(podCounts(service))).toEqual(counts);
});
