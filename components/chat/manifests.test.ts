import { expect, test } from "vitest";
import type { Network } from "../../plan/network.ts";
import { openShiftRouters } from "../access/network-peers.ts";
import { httpRoute, ingress, route } from "../serving/endpoint.ts";
import {
  type ChatSpec,
  chatDeployment,
  chatService,
  chatToken,
  chatVolumeClaim,
  exposedChat,
  modelCaller,
} from "./manifests.ts";
import { chatPolicies } from "./network-policies.ts";

const endpoint = { exposure: "route", timeoutSeconds: 600, mesh: false } as const;

const onKubernetes: ChatSpec = {
  platform: "kubernetes",
  namespace: "ai",
  name: "anything-llm",
  image: "quay.io/modelcar/anythingllm@sha256:1",
  model: { name: "sums", apiUrl: "http://sums-predictor.ai.svc.cluster.local/v1", maxModelLen: 8192 },
  storage: "10Gi",
  pullSecrets: [],
};

const variable = (spec: ChatSpec, name: string) =>
  chatDeployment(spec).spec.template.spec.containers[0]?.env.find((entry) => entry.name === name);

test("on OpenShift it has the directory of Red Hat's image, trusts the cluster's services, and the Route exposes all paths", () => {
  const spec: ChatSpec = { ...onKubernetes, platform: "openshift", pullSecrets: ["quay"] };
  const pod = chatDeployment(spec).spec.template.spec;
  expect(pod.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
  expect(pod.imagePullSecrets).toEqual([{ name: "quay" }]);
  expect(pod.containers[0]?.volumeMounts).toEqual([
    { name: "storage", mountPath: "/opt/app-root/src/anythingllm" },
    { name: "service-ca", mountPath: "/var/run/modelcar/service-ca", readOnly: true },
  ]);
  expect(variable(spec, "NODE_EXTRA_CA_CERTS")).toBeDefined();
  expect(variable(onKubernetes, "NODE_EXTRA_CA_CERTS")).toBeUndefined();
  expect(route(exposedChat(spec, endpoint)).spec).toMatchObject({
    path: "/",
    to: { kind: "Service", name: "anything-llm" },
    tls: { termination: "edge" },
  });
});

test("its Service selects its pod, and it has its own volume and keys", () => {
  const { spec } = chatDeployment(onKubernetes);
  expect(chatService(onKubernetes).spec.selector).toEqual(spec.selector.matchLabels);
  expect(spec.template.metadata.labels).toEqual(spec.selector.matchLabels);
  expect(chatVolumeClaim(onKubernetes).metadata.name).toBe("anything-llm");
  expect(spec.template.spec.volumes).toContainEqual({
    name: "storage",
    persistentVolumeClaim: { claimName: "anything-llm" },
  });
  expect(variable(onKubernetes, "AUTH_TOKEN")).toMatchObject({
    valueFrom: { secretKeyRef: { name: "anything-llm", key: "AUTH_TOKEN" } },
  });
});

test("it gets the model's key, or none", () => {
  const keyed = { ...onKubernetes, apiKeySecret: { name: "sums-api-key", key: "api-key" } };
  const name = "GENERIC_OPEN_AI_API_KEY";
  expect(variable(onKubernetes, name)).toMatchObject({ value: "none" });
  expect(variable(keyed, name)).toMatchObject({ valueFrom: { secretKeyRef: keyed.apiKeySecret } });
});

test("prompt and answer together fit the model's length, however short", () => {
  for (const [maxModelLen, answer] of [
    [256, 64],
    [4096, 1024],
    [131072, 1024],
  ] as const) {
    const spec = { ...onKubernetes, model: { ...onKubernetes.model, maxModelLen } };
    expect(variable(spec, "GENERIC_OPEN_AI_MAX_TOKENS")).toMatchObject({ value: String(answer) });
    expect(variable(spec, "GENERIC_OPEN_AI_MODEL_TOKEN_LIMIT")).toMatchObject({
      value: String(maxModelLen - answer),
    });
  }
});

test("another image's directory can be set", () => {
  const made = chatDeployment({ ...onKubernetes, storageDirectory: "/data" });
  expect(made.spec.template.spec.containers[0]?.volumeMounts).toEqual([
    { name: "storage", mountPath: "/data" },
  ]);
});

test("the whole UI is exposed, not only the API's path", () => {
  const chat = { name: "anything-llm", namespace: "ai" };
  const given = { ...endpoint, domain: "models.test", gateway: { name: "public", namespace: "gateways" } };
  const exposed = exposedChat(chat, given);
  expect(ingress(exposed).spec.rules[0]).toMatchObject({
    host: "anything-llm-ai.models.test",
    http: { paths: [{ path: "/", backend: { service: { name: "anything-llm", port: { number: 80 } } } }] },
  });
  expect(httpRoute(exposed).spec.rules[0]?.matches).toEqual([{ path: { type: "PathPrefix", value: "/" } }]);
});

test("the token is that of an account that may call only this model", () => {
  expect(modelCaller("mistral-24b")).toMatchObject({ resourceNames: ["mistral-24b"], verbs: ["get"] });
  expect(chatToken({ name: "chat", namespace: "ai" })).toMatchObject({
    metadata: { name: "chat-token", annotations: { "kubernetes.io/service-account.name": "chat" } },
    type: "kubernetes.io/service-account-token",
  });
});

const network: Network = {
  platform: "kubernetes",
  urls: { hub: "http://hub.hub.svc.cluster.local" },
  imageRegistries: [],
  callers: ["ingress-nginx"],
  defaultDeny: true,
};

test("the UI reaches models, DNS and the hub, and models let it in", () => {
  const [chat, models] = chatPolicies("ai", network);
  expect(chat?.spec.egress).toHaveLength(3);
  expect(chat?.spec.egress?.[1]).toEqual({
    to: [{ podSelector: { matchLabels: { "app.kubernetes.io/component": "model-server" } } }],
    ports: [8080, 8443].map((port) => ({ protocol: "TCP", port })),
  });
  expect(models?.spec).toMatchObject({
    podSelector: { matchLabels: { "app.kubernetes.io/component": "model-server" } },
    policyTypes: ["Ingress"],
    ingress: [
      { from: [{ podSelector: { matchLabels: { "app.kubernetes.io/component": "chat-interface" } } }] },
    ],
  });
});

test("users connect from the callers' namespaces or through OpenShift's routers; if neither is known, from anywhere", () => {
  const ingressOf = (edit: Partial<Network>) => chatPolicies("ai", { ...network, ...edit })[0]?.spec.ingress;
  const ports = [{ protocol: "TCP", port: 3001 }];
  const nginx = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "ingress-nginx" } } };
  expect(ingressOf({})).toEqual([{ from: [nginx], ports }]);
  expect(ingressOf({ callers: [] })).toBeUndefined();
  expect(ingressOf({ open: true })).toEqual([{ ports }]);
  expect(ingressOf({ platform: "openshift", callers: [] })).toEqual([{ from: openShiftRouters, ports }]);
});
