/** Which resources a model's service consists of, by platform, mode and exposure: their types and names must not change. */
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, expect, test, vi } from "vitest";
import type { ModelServiceArgs } from "../../components/serving/model-service.ts";
import { platformShare } from "../../plan/models.ts";

vi.mock("../../components/readiness/index.ts", async () => {
  const { CustomResource } = await vi.importActual<typeof pulumi>("@pulumi/pulumi");
  return {
    Readiness: class extends CustomResource {
      constructor(name: string, args: object, opts: pulumi.CustomResourceOptions) {
        const outputs = { url: undefined, externalUrl: undefined };
        super("test:kserve:Readiness", name, { ...args, ...outputs }, opts);
      }
    },
  };
});

const key = "canary-of-the-key";
interface Made {
  readonly type: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: inputs of any resource
  readonly inputs: any;
}
let made: Made[];

beforeEach(async () => {
  vi.resetModules();
  made = [];
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      made.push({ type, name, inputs });
      const computed = type.endsWith(":Readiness")
        ? { url: "http://inside", externalUrl: "https://by-the-platform" }
        : { result: key, metadata: { uid: "uid", ...inputs.metadata } };
      return { id: `${name}-id`, state: { ...inputs, ...computed } };
    },
    call: ({ inputs }) => inputs,
  });
});

const digest = `sha256:${"c".repeat(64)}`;
const plain: ModelServiceArgs = {
  context: "test",
  platform: "kubernetes",
  name: "sums",
  namespace: "ai",
  deploymentMode: "Standard",
  runtime: { name: "vllm-cpu", namespace: "ai", image: "vllm", args: [], env: {}, startupMinutes: 10 },
  storageUri: `oci://registry.test/models/sums@${digest}`,
  placement: {},
  pullSecrets: [],
  serve: {
    mode: "kserve",
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
    exposed: true,
    auth: false,
  },
  authentication: { kind: "none" },
  exposure: "none",
  endpoint: { exposure: "none", domain: "models.test", timeoutSeconds: 600, mesh: false },
  monitoring: { serviceMonitor: false, labels: {} },
};

type Change = Omit<Partial<ModelServiceArgs>, "serve" | "endpoint"> & {
  readonly serve?: Partial<ModelServiceArgs["serve"]>;
  readonly endpoint?: Partial<ModelServiceArgs["endpoint"]>;
};
const cache = { size: "1Gi", fetch: "image" } as const;

/** The service's URLs, and `kind name` of its resources. */
async function service(change: Change) {
  const { ModelService } = await import("../../components/serving/model-service.ts");
  const serve = { ...plain.serve, ...change.serve };
  const endpoint = { ...plain.endpoint, ...change.endpoint };
  const { platform = plain.platform, monitoring = plain.monitoring } = change;
  const args = {
    ...plain,
    ...change,
    serve,
    endpoint,
    ...platformShare({ name: plain.name, serve }, { platform, endpoint, monitoring }),
  };
  try {
    const { url, externalUrl } = new ModelService("sums", args);
    const urls = await new Promise<(string | undefined)[]>((resolve) =>
      pulumi.all([url, externalUrl]).apply(resolve),
    );
    return { urls, children: await children() };
  } finally {
    await pulumi.runtime.disconnect();
  }
}

/** `kind name` of all created resources except components. */
async function children(): Promise<string[]> {
  await pulumi.runtime.disconnect();
  const objects = made.filter(({ type }) => !type.startsWith("modelcar:"));
  return objects.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`).sort();
}

test.each<[string, Change, string[], (string | undefined)[]]>([
  ["KServe alone", {}, ["InferenceService sums", "Readiness sums"], ["http://inside", undefined]],
  [
    "OpenShift AI, which makes Route, token check and ServiceMonitor itself",
    {
      platform: "openshift",
      serve: { auth: true },
      endpoint: { exposure: "route" },
      monitoring: { serviceMonitor: true, labels: {} },
    },
    ["InferenceService sums", "Readiness sums"],
    ["http://inside", "https://by-the-platform"],
  ],
  [
    "Kubernetes with an Ingress, a key and metrics",
    {
      serve: { auth: true },
      endpoint: { exposure: "ingress" },
      monitoring: { serviceMonitor: true, labels: {} },
    },
    [
      "InferenceService sums",
      "Ingress sums",
      "RandomPassword sums-api-key",
      "Readiness sums",
      "Secret sums-api-key",
      "ServiceMonitor sums-metrics",
    ],
    ["http://inside", "https://sums-ai.models.test"],
  ],
  [
    "a Gateway and a mesh",
    { endpoint: { exposure: "gateway", gateway: { name: "public", namespace: "gateways" }, mesh: true } },
    [
      "DestinationRule sums",
      "HTTPRoute sums",
      "InferenceService sums",
      "Readiness sums",
      "VirtualService sums",
    ],
    ["http://inside", "https://sums-ai.models.test"],
  ],
  [
    "a plain Deployment on OpenShift",
    {
      platform: "openshift",
      serve: { mode: "deployment", cache, auth: true },
      endpoint: { exposure: "route" },
      monitoring: { serviceMonitor: true, labels: {} },
    },
    [
      "Deployment sums",
      "PersistentVolumeClaim sums-cache",
      "RandomPassword sums-api-key",
      "Readiness sums",
      "Route sums",
      "Secret sums-api-key",
      "Service sums",
      "ServiceMonitor sums-metrics",
    ],
    ["http://inside", "https://sums-ai.models.test"],
  ],
  [
    "OpenShift with an Ingress instead of a Route",
    { platform: "openshift", endpoint: { exposure: "ingress" } },
    ["InferenceService sums", "Ingress sums", "Readiness sums"],
    ["http://inside", "https://sums-ai.models.test"],
  ],
  [
    "a model that is not exposed",
    { serve: { exposed: false }, endpoint: { exposure: "ingress" } },
    ["InferenceService sums", "Readiness sums"],
    ["http://inside", undefined],
  ],
  ["a stopped model", { serve: { stopped: true } }, ["InferenceService sums"], [undefined, undefined]],
])("%s", async (_, change, children, urls) => {
  expect(await service(change)).toEqual({ children, urls });
});

test("the key is only in its Secret", async () => {
  await service({ serve: { mode: "deployment", cache, auth: true } });
  const encoded = Buffer.from(key).toString("base64");
  const holders = made.filter(
    ({ inputs }) => JSON.stringify(inputs).includes(key) || JSON.stringify(inputs).includes(encoded),
  );
  expect(holders.map(({ type }) => type)).toEqual(["kubernetes:core/v1:Secret"]);
  const ready = made.find(({ type }) => type.endsWith(":Readiness"));
  expect(ready?.inputs).toMatchObject({
    kind: "Deployment",
    deployment: "sums",
    container: "vllm",
    viaPod: true,
    apiKeySecret: { name: "sums-api-key", key: "api-key" },
    expected: { modelImage: `registry.test/models/sums@${digest}` },
  });
});

test("every object has an explicit name", async () => {
  await service({
    serve: { mode: "deployment", cache, auth: true },
    endpoint: { exposure: "ingress", mesh: true },
    monitoring: { serviceMonitor: true, labels: {} },
  });
  for (const { type, inputs } of made.filter(({ type }) => type.startsWith("kubernetes:"))) {
    expect(inputs.metadata, type).toMatchObject({ name: expect.stringMatching(/^sums/), namespace: "ai" });
  }
});

test("a model that is not an image cannot be served without KServe", async () => {
  const { imageOf } = await import("../../components/serving/model-backends.ts");
  expect(() => imageOf("s3://llm-models/sums/")).toThrow(
    "serve.mode deployment can only serve a model image",
  );
});
