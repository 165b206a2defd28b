import { expect, test } from "vitest";
import { type InferenceServiceSpec, inferenceService } from "./inference-service.ts";
import { servingRuntime } from "./runtime-manifest.ts";

const spec: InferenceServiceSpec = {
  platform: "kubernetes",
  name: "sums",
  namespace: "ai",
  runtime: "vllm-cpu",
  deploymentMode: "Standard",
  storageUri: "s3://llm-models/sums/1/",
  placement: {},
  serve: {
    gpus: 0,
    cpu: "1",
    cpuLimit: "2",
    memory: "3Gi",
    maxModelLen: 256,
    gpuMemoryUtilization: 0.9,
    vllmArgs: [],
    rollout: "Recreate",
    replicas: 1,
    stopped: false,
  },
  route: false,
  tokenAuth: false,
  timeoutSeconds: 600,
  pullSecrets: [],
  mesh: false,
};
const made = (changed: Partial<InferenceServiceSpec> = {}) => inferenceService({ ...spec, ...changed });
const served = (changed: Partial<InferenceServiceSpec["serve"]>) =>
  made({ serve: { ...spec.serve, ...changed } });

test("a fixed number of copies gets no autoscaler", () => {
  const { metadata, spec } = served({ replicas: 2 });
  expect(metadata.annotations).toEqual({
    "serving.kserve.io/deploymentMode": "Standard",
    "serving.kserve.io/autoscalerClass": "none",
  });
  expect(spec.predictor).toMatchObject({ minReplicas: 2, maxReplicas: 2 });
  expect(spec.predictor).not.toHaveProperty("autoScaling");
});

test("autoscaling: KEDA counts the waiting requests of this model", () => {
  const autoscaling = { minReplicas: 1, maxReplicas: 3, target: 5, prometheus: "http://prometheus:9090" };
  const { metadata, spec: made } = served({ autoscaling });
  expect(metadata.annotations).toMatchObject({ "serving.kserve.io/autoscalerClass": "keda" });
  expect(made.predictor).toMatchObject({ minReplicas: 1, maxReplicas: 3 });
  const [metric] =
    (made.predictor as { autoScaling?: { metrics: { external: object }[] } }).autoScaling?.metrics ?? [];
  expect(metric).toEqual({
    type: "External",
    external: {
      metric: {
        backend: "prometheus",
        serverAddress: "http://prometheus:9090",
        namespace: "ai",
        query: 'sum(vllm:num_requests_waiting{namespace="ai", model_name="sums"})',
      },
      target: { type: "Value", value: "5" },
    },
  });
  const onOpenShift = inferenceService({
    ...spec,
    platform: "openshift",
    serve: { ...spec.serve, autoscaling },
  });
  expect(JSON.stringify(onOpenShift)).toContain("inference-prometheus-auth");
});

test("a stopped model is declared with the stop annotation", () => {
  expect(served({ stopped: true }).metadata.annotations).toMatchObject({ "serving.kserve.io/stop": "true" });
  expect(made().metadata.annotations).not.toHaveProperty(["serving.kserve.io/stop"]);
});

test("OpenShift AI's label and annotations request a Route and a token check", () => {
  const { metadata } = made({ platform: "openshift", route: true, tokenAuth: true });
  expect(metadata.labels).toMatchObject({ "networking.kserve.io/visibility": "exposed" });
  expect(metadata.annotations).toMatchObject({
    "security.opendatahub.io/enable-auth": "true",
    "haproxy.router.openshift.io/timeout": "600s",
  });
});

test("KServe creates no Ingress, and OpenShift AI creates a Route only if configured", () => {
  const visibility = (changed: Partial<InferenceServiceSpec>) =>
    made(changed).metadata.labels["networking.kserve.io/visibility"];
  expect(visibility({})).toBe("cluster-local");
  expect(visibility({ platform: "openshift" })).toBeUndefined();
});

test("a registered model has labels with its entry in the registry", () => {
  expect(JSON.stringify(made().metadata.labels)).not.toContain("modelregistry");
  const registration = { registry: "private-ai", registeredModelId: "1", modelVersionId: "2" };
  expect(made({ registration }).metadata.labels).toMatchObject({
    "modelregistry.opendatahub.io/name": "private-ai",
    "modelregistry.opendatahub.io/registered-model-id": "1",
    "modelregistry.opendatahub.io/model-version-id": "2",
  });
});

test("OpenShift assigns users and groups; elsewhere server and ModelCar must have the same", () => {
  const context = (platform: "kubernetes" | "openshift") => made({ platform }).spec.predictor.securityContext;
  expect(context("kubernetes")).toMatchObject({ runAsUser: 1000, runAsGroup: 0, fsGroup: 1000 });
  expect(context("openshift")).toEqual({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
});

test("the runtime has no field of ModelMesh and lets KServe insert the model's name", () => {
  const runtime = servingRuntime({
    name: "vllm-cuda",
    namespace: "ai",
    image: "vllm@sha256:1",
    args: [],
    env: {},
    startupMinutes: 30,
  });
  expect(Object.keys(runtime.spec).sort()).toEqual([
    "annotations",
    "containers",
    "multiModel",
    "supportedModelFormats",
    "volumes",
  ]);
  expect(runtime.spec.containers[0]?.args).toContain("--served-model-name={{.Name}}");
  expect(runtime.metadata.annotations).toMatchObject({
    "opendatahub.io/recommended-accelerators": '["nvidia.com/gpu"]',
    "opendatahub.io/apiProtocol": "REST",
  });
});
