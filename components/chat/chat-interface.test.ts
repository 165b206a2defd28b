/** The chat UI under Pulumi's mocks: its resources, and that its secrets stay secret. */
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, expect, test } from "vitest";

// biome-ignore lint/suspicious/noExplicitAny: recorded manifests are of any kind
type Anything = any;
let made: { name: string; inputs: Anything }[] = [];
const kinds = () => made.flatMap(({ inputs }) => inputs.kind ?? []).sort();
const named = (kind: string, name: string) =>
  made.find(({ inputs }) => inputs.kind === kind && inputs.metadata.name === name)?.inputs;

await pulumi.runtime.setMocks({
  newResource: ({ type, name, inputs }) => {
    made.push({ name, inputs });
    const generated = type.endsWith("RandomPassword") ? { result: `generated-${name}` } : {};
    const host = inputs.kind === "Route" ? { spec: { ...inputs.spec, host: "chat.apps.test" } } : {};
    return { id: name, state: { ...inputs, ...generated, ...host } };
  },
  call: ({ inputs }) => inputs,
});
const { ChatInterface } = await import("./chat-interface.ts");

beforeEach(() => {
  made = [];
});

/** Waits until no more resources are declared. */
async function settled(): Promise<void> {
  for (let before = -1; before !== made.length; ) {
    before = made.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const resolved = <T>(output: pulumi.Output<T>) => new Promise<T>((resolve) => output.apply(resolve));

const args = {
  platform: "kubernetes",
  namespace: "ai",
  image: "anythingllm@1",
  model: {
    name: "sums",
    url: pulumi.output("http://sums-predictor.ai"),
    maxModelLen: 256,
    authentication: { kind: "none" },
  },
  storage: "1Gi",
  pullSecrets: [],
  exposed: false,
  endpoint: { exposure: "none", timeoutSeconds: 600, mesh: false },
} as const;
const basic = ["Deployment", "PersistentVolumeClaim", "Secret", "Service"];

test("inside the cluster it has four objects, and its URL is the Service's", async () => {
  const chat = new ChatInterface("chat", args);
  await settled();
  expect(kinds()).toEqual(basic);
  expect(await resolved(chat.url)).toBe("http://anything-llm.ai.svc.cluster.local");
  const [container] = named("Deployment", "anything-llm").spec.template.spec.containers;
  expect(container.env).toContainEqual({
    name: "GENERIC_OPEN_AI_BASE_PATH",
    value: "http://sums-predictor.ai/v1",
  });
});

test("password and keys are generated, and only the Secret contains them", async () => {
  const chat = new ChatInterface("secrets", args);
  await settled();
  const { value } = named("Secret", chat.passwordSecret).data;
  expect(Object.keys(value)).toEqual(["AUTH_TOKEN", "JWT_SECRET", "SIG_KEY", "SIG_SALT"]);
  expect(new Set(Object.values(value)).size).toBe(4);
  const rest = made.filter(({ inputs }) => inputs.kind && inputs.kind !== "Secret");
  expect(JSON.stringify(rest)).not.toContain("generated-");
});

test("a Route's host is the one that the cluster chose", async () => {
  const endpoint = { ...args.endpoint, exposure: "route" } as const;
  const chat = new ChatInterface("route", { ...args, exposed: true, platform: "openshift", endpoint });
  await settled();
  expect(kinds()).toEqual([...basic.slice(0, 2), "Route", ...basic.slice(2)]);
  expect(await resolved(chat.url)).toBe("https://chat.apps.test");
});

test("an Ingress has the endpoint's domain; without exposed there is none", async () => {
  const endpoint = { ...args.endpoint, exposure: "ingress", domain: "models.test" } as const;
  const chat = new ChatInterface("ingress", { ...args, exposed: true, endpoint });
  await settled();
  expect(kinds()).toContain("Ingress");
  expect(await resolved(chat.url)).toBe("https://anything-llm-ai.models.test");
  made = [];
  new ChatInterface("inside", { ...args, endpoint, exposed: false });
  await settled();
  expect(kinds()).toEqual(basic);
});

test("for OpenShift AI's token check it has a service account that may call its model", async () => {
  const model = { ...args.model, authentication: { kind: "platformToken" } } as const;
  new ChatInterface("token", { ...args, platform: "openshift", model });
  await settled();
  expect(kinds()).toEqual([...basic, "Role", "RoleBinding", "Secret", "ServiceAccount"].sort());
  const [container] = named("Deployment", "anything-llm").spec.template.spec.containers;
  const secretKeyRef = { name: "anything-llm-token", key: "token" };
  expect(container.env).toContainEqual({ name: "GENERIC_OPEN_AI_API_KEY", valueFrom: { secretKeyRef } });
});

test("all objects have the given name", async () => {
  new ChatInterface("another", { ...args, chatName: "second" });
  await settled();
  for (const kind of basic) expect(named(kind, "second")).toBeDefined();
});
