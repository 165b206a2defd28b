import { describe, expect, it } from "vitest";
import type { Properties } from "../properties.ts";
import {
  claimReadiness,
  deploymentReadiness,
  ingressReadiness,
  jobReadiness,
  podProblems,
  quotaReadiness,
  serviceReadiness,
  waitForReadiness,
} from "./readiness.ts";

const READY = { ready: true };

describe("deploymentReadiness", () => {
  const deployment = (status: Properties): Properties => ({
    metadata: { generation: 2 },
    spec: { replicas: 2 },
    status: { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2, ...status },
  });

  it("wants all replicas updated, available and no old ones", () => {
    expect(deploymentReadiness(deployment({}), [])).toEqual(READY);
    for (const status of [
      { observedGeneration: 1 },
      { updatedReplicas: 1 },
      { availableReplicas: 1 },
      { replicas: 3 },
    ]) {
      expect(deploymentReadiness(deployment(status), [])).toMatchObject({ ready: false });
    }
  });

  it("gives up when the rollout has, with the pods' reasons", () => {
    const conditions = [{ type: "Progressing", status: "False", message: "timed out" }];
    const stuck = deployment({ availableReplicas: 0, conditions });
    expect(deploymentReadiness(stuck, [waitingPod("ImagePullBackOff", "no such image")])).toEqual({
      ready: false,
      failed: true,
      message:
        "timed out; 0 of 2 replicas available, 2 updated; " +
        "pod p, container c: ImagePullBackOff: no such image",
    });
  });
});

function waitingPod(reason: string, message: string): Properties {
  return {
    metadata: { name: "p" },
    status: { containerStatuses: [{ name: "c", state: { waiting: { reason, message } } }] },
  };
}

describe("podProblems", () => {
  it("tells crashes with their exit code, and pods that no node takes", () => {
    const crashed = {
      metadata: { name: "p" },
      status: {
        containerStatuses: [
          {
            name: "c",
            state: { waiting: { reason: "CrashLoopBackOff" } },
            lastState: { terminated: { exitCode: 3 } },
          },
        ],
      },
    };
    const unscheduled = {
      metadata: { name: "q" },
      status: {
        conditions: [
          { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes" },
        ],
      },
    };
    expect(podProblems([crashed, unscheduled])).toEqual([
      "pod p, container c: CrashLoopBackOff: exit code 3",
      "pod q: Unschedulable: 0/1 nodes",
    ]);
  });

  it("is silent about pods that start or run", () => {
    expect(podProblems([waitingPod("ContainerCreating", "")])).toEqual([]);
    const running = {
      metadata: { name: "p" },
      status: { containerStatuses: [{ name: "c", state: { running: {} } }] },
    };
    expect(podProblems([running])).toEqual([]);
  });
});

it("wants a claim bound, unless it waits for its consumer", () => {
  expect(claimReadiness({ status: { phase: "Bound" } }, false)).toEqual(READY);
  expect(claimReadiness({ status: { phase: "Pending" } }, true)).toEqual(READY);
  expect(claimReadiness({ status: { phase: "Pending" } }, false)).toMatchObject({ ready: false });
  expect(claimReadiness({ status: { phase: "Lost" } }, true)).toMatchObject({ failed: true });
});

it("wants a quota in force", () => {
  const quota = (hard: Properties) => ({ spec: { hard: { cpu: "1000m" } }, status: { hard } });
  expect(quotaReadiness(quota({ cpu: "1" }))).toEqual(READY);
  expect(quotaReadiness(quota({ cpu: "2" }))).toMatchObject({ ready: false });
  expect(quotaReadiness({ spec: { hard: { cpu: "1" } } })).toMatchObject({ ready: false });
});

it("wants an address of an ingress, and endpoints of each service that it names", () => {
  const path = (name: string) => ({ backend: { service: { name, port: { number: 80 } } } });
  const ingress = (status: Properties): Properties => ({
    spec: { rules: [{ host: "a.test", http: { paths: [path("model"), path("elsewhere")] } }] },
    status,
  });
  const address = { loadBalancer: { ingress: [{ ip: "10.0.0.1" }] } };
  const slice = { metadata: { name: "model-x", labels: { "kubernetes.io/service-name": "model" } } };
  const external = { metadata: { name: "elsewhere" }, spec: { type: "ExternalName" } };
  expect(ingressReadiness(ingress(address), [slice, external])).toEqual(READY);
  expect(ingressReadiness(ingress({ loadBalancer: {} }), [slice, external])).toMatchObject({ ready: false });
  const plain = { metadata: { name: "elsewhere" }, spec: { type: "ClusterIP" } };
  expect(ingressReadiness(ingress(address), [slice, plain])).toMatchObject({
    message: "Service elsewhere has no endpoints",
  });
});

it("wants an address behind a service that selects pods", () => {
  const service = { spec: { selector: { app: "a" } } };
  const slice = (ready: boolean) => ({ endpoints: [{ conditions: { ready } }] });
  expect(serviceReadiness(service, [])).toMatchObject({ ready: false });
  expect(serviceReadiness(service, [slice(false)])).toMatchObject({ ready: false });
  expect(serviceReadiness(service, [slice(false), slice(true)])).toEqual(READY);
  expect(serviceReadiness({ spec: {} }, [])).toEqual(READY);
});

it("wants a job complete", () => {
  const job = (type: string) => ({
    status: { conditions: [{ type, status: "True", reason: "R", message: "m" }] },
  });
  expect(jobReadiness(job("Complete"), [])).toEqual(READY);
  expect(jobReadiness(job("Failed"), [])).toEqual({ ready: false, failed: true, message: "R: m" });
  expect(jobReadiness({ status: {} }, [])).toMatchObject({ ready: false });
});

describe("waitForReadiness", () => {
  const object = (observedGeneration: number) => ({
    metadata: { generation: 2 },
    status: { observedGeneration, phase: "Up", conditions: [{ type: "Ready", status: "True" }] },
  });

  it.each([
    ["condition=Ready", true],
    ["condition=Ready=False", false],
    ["jsonpath={.status.phase}=Up", true],
    ["jsonpath={.status.phase}=Down", false],
    ["jsonpath={.status.missing}", false],
    ['["condition=Ready", "jsonpath={.status.phase}=Up"]', true],
    ['["condition=Ready", "condition=Other"]', false],
  ])("%s", (expression, ready) => {
    expect(waitForReadiness(expression)(object(2)).ready).toBe(ready);
    expect(waitForReadiness(expression)(object(1)).ready).toBe(false);
  });

  it("refuses other expressions", () => {
    expect(() => waitForReadiness("jsonpath={.items[0]}")).toThrow("the stand-in knows");
  });
});
