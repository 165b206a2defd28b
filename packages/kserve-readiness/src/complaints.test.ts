import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Rollout, rolledOut } from "./rollout.ts";

const services = "/apis/serving.kserve.io/v1beta1/namespaces/ai/inferenceservices";
const deployments = "/apis/apps/v1/namespaces/ai/deployments";
const pods = "/api/v1/namespaces/ai/pods";
const events = "/api/v1/namespaces/ai/events";
const host = "granite-candidate-predictor-private-ai-demo.example.com";
const invalidHost = `fails to create NewRawKubeReconciler for predictor: failed creating host name: invalid domain name "${host}": must be no more than 63 characters`;

let api: FakeApi;
let lines: string[];
beforeEach(async () => {
  api = await FakeApi.start();
  lines = [];
});
afterEach(() => api.stop());

const wait = (more: Partial<Rollout> = {}) =>
  rolledOut(api.cluster(), {
    namespace: "ai",
    kind: "InferenceService",
    name: "sums",
    deployment: "sums-predictor",
    container: "kserve-container",
    expected: { image: "vllm", storageUri: "s3://models/sums/", args: [], resources: {} },
    deadlineSeconds: 5,
    refusalSeconds: 0.2,
    toStop: "say so",
    print: (line) => lines.push(line),
    ...more,
  });
const template = {
  metadata: {
    annotations: { "internal.serving.kserve.io/storage-initializer-sourceuri": "s3://models/sums/" },
  },
  spec: { containers: [{ name: "kserve-container", image: "vllm" }] },
};
const available = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
const putDeployment = (status: object = {}, name = "sums-predictor", of: object = template) =>
  api.put(`${deployments}/${name}`, {
    metadata: { name, generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { replicas: 1, selector: { matchLabels: { app: "sums" } }, template: of },
    status,
  });
const putService = (status: object = {}, metadata: object = {}) =>
  api.put(`${services}/sums`, {
    metadata: { name: "sums", creationTimestamp: "2026-01-01T00:00:00Z", ...metadata },
    status,
  });
const condition = (type: string, reason: string, message = "") => ({
  type,
  status: "False",
  reason,
  message,
});
const putWarning = (reason: string, message: string, more: object = {}) =>
  api.put(`${events}/${reason.toLowerCase()}`, {
    metadata: { name: reason.toLowerCase() },
    type: "Warning",
    reason,
    message,
    involvedObject: { kind: "InferenceService", name: "sums" },
    lastTimestamp: "2026-01-01T00:00:10Z",
    ...more,
  });

describe("KServe creates no Deployment, and reports why", () => {
  test("in a condition: printed at once, and final after a short time", async () => {
    putService({ conditions: [condition("PredictorReady", "ReconcileFailed", invalidHost)] });
    await expect(wait()).rejects.toThrow(`KServe does not take it: ReconcileFailed: ${invalidHost}`);
    expect(lines).toEqual([`sums: KServe does not take it: ReconcileFailed: ${invalidHost}`]);
  });

  test("only in a warning event, as in older versions", async () => {
    putService();
    putWarning("InternalError", invalidHost);
    await expect(wait()).rejects.toThrow(`KServe does not take it: InternalError: ${invalidHost}`);
  });

  test("for a change, while the Deployment of the older declaration still serves", async () => {
    putDeployment(available, "sums-predictor", { ...template, metadata: {} });
    putService({ conditions: [condition("PredictorReady", "ReconcileFailed", "no")] });
    await expect(wait()).rejects.toThrow("KServe does not take it: ReconcileFailed: no");
  });

  test.each<[string, object, object, string]>([
    [
      "the runtime does not suit",
      {
        modelStatus: {
          transitionStatus: "InvalidSpec",
          lastFailureInfo: { reason: "NoSupportingRuntime", message: "Specified runtime is disabled" },
        },
      },
      {},
      "NoSupportingRuntime: Specified runtime is disabled",
    ],
    [
      "somebody has stopped it",
      { conditions: [{ type: "Stopped", status: "True" }, condition("PredictorReady", "Stopped")] },
      { annotations: { "serving.kserve.io/stop": "true" } },
      "somebody has stopped it (annotation serving.kserve.io/stop): kubectl annotate inferenceservice sums serving.kserve.io/stop-; or say so",
    ],
  ])("%s", async (_, status, metadata, says) => {
    putService(status, metadata);
    await expect(wait()).rejects.toThrow(`KServe does not take it: ${says}`);
  });
});

describe("problems that pass", () => {
  test("a failed attempt, once the Deployment is created", async () => {
    putService({
      conditions: [condition("PredictorReady", "ReconcileFailed", "webhook: connection refused")],
    });
    const result = wait();
    setTimeout(() => putDeployment(available), 100);
    await result;
  });

  test("conditions of an ordinary rollout, write conflicts, and warnings of healthy clusters", async () => {
    putService({
      conditions: [
        condition("IngressReady", "Predictor ingress not created"),
        condition(
          "PredictorReady",
          "MinimumReplicasUnavailable",
          "Deployment does not have minimum availability.",
        ),
        condition("Ready", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."),
      ],
    });
    putWarning(
      "InternalError",
      "the object has been modified; please apply your changes to the latest version",
    );
    putWarning("VirtualServiceCRDNotFound", "Istio VirtualService CRD not present");
    const result = wait();
    setTimeout(() => putDeployment(available), 500);
    await result;
    expect(lines).toEqual([]);
  });

  test("a warning of an earlier declaration", async () => {
    putService(
      {},
      { managedFields: [{ time: "2026-01-01T01:00:00Z", fieldsV1: { "f:metadata": {}, "f:spec": {} } }] },
    );
    putWarning("InternalError", invalidHost);
    await expect(wait({ deadlineSeconds: 0.5 })).rejects.toThrow(
      "still not done after 0.5 s: waiting for Deployment sums-predictor to be created",
    );
  });

  test("other conditions and warnings are printed, and are the state at the deadline", async () => {
    putService({ conditions: [condition("IngressReady", "HTTPRouteNotReady", "no Gateway")] });
    await expect(wait({ deadlineSeconds: 0.5 })).rejects.toThrow(
      "still not done after 0.5 s: KServe: IngressReady is False: HTTPRouteNotReady: no Gateway",
    );
    putService();
    putWarning("QuotaLow", "nearly full");
    await expect(wait({ deadlineSeconds: 0.5 })).rejects.toThrow("KServe warns: QuotaLow: nearly full");
  });

  test("without permission to read InferenceServices and events the wait goes on", async () => {
    api.intercept = ({ url = "" }, response) => {
      if (!/inferenceservices|events/.test(url)) return false;
      response.writeHead(403).end(JSON.stringify({ message: "forbidden" }));
      return true;
    };
    putDeployment(available);
    await wait();
  });
});

test.each([
  ["a quota", 'pods "sums-6d5f-abc" is forbidden: exceeded quota: ai-workload-quota'],
  ["OpenShift's SCCs", 'pods "sums-6d5f-" is forbidden: unable to validate against any security context'],
])("%s that admits no pod of a plain Deployment is reported at once", async (_, refused) => {
  const plain = { spec: { containers: [{ name: "vllm", image: "vllm" }] } };
  const deployment = {
    kind: "Deployment",
    deployment: "sums",
    container: "vllm",
    expected: { image: "vllm", args: [], resources: {} },
    deadlineSeconds: 0.5,
  } as const;
  putDeployment({}, "sums", plain);
  putWarning("FailedCreate", `Error creating: ${refused}`, {
    involvedObject: { kind: "ReplicaSet", name: "sums-6d5f" },
  });
  putWarning("FailedMount", "of another", {
    involvedObject: { kind: "ReplicaSet", name: "sums-large-6d5f" },
  });
  await expect(wait(deployment)).rejects.toThrow(
    `still not done after 0.5 s: no pod is admitted: ${refused}`,
  );
  expect(api.requests.filter((request) => request.includes(pods) || request.includes(events))).toHaveLength(
    4,
  );
  expect(api.requests.some((request) => request.includes(services))).toBe(false);
});
