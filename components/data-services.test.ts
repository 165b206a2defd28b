/** Object store, registry, credentials and storage under Pulumi's mocks: the resources of each kind. */
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, expect, test } from "vitest";

// biome-ignore lint/suspicious/noExplicitAny: recorded manifests are of any kind
type Anything = any;
let made: { type: string; name: string; inputs: Anything }[] = [];
const kinds = () => made.flatMap(({ inputs }) => inputs.kind ?? []).sort();
const named = (kind: string, name: string) =>
  made.find(({ inputs }) => inputs.kind === kind && inputs.metadata.name === name)?.inputs;

await pulumi.runtime.setMocks({
  newResource: ({ type, name, inputs }) => {
    made.push({ type, name, inputs });
    const result = type.endsWith("RandomPassword") ? { result: `generated-${name}` } : {};
    return { id: name, state: { ...inputs, ...result } };
  },
  call: ({ inputs }) => inputs,
});
const { Credentials } = await import("./credentials/credentials.ts");
const { ObjectStore } = await import("./object-store/object-store.ts");
const { Registry } = await import("./model-registry/registry.ts");
const { fingerprint } = await import("./shared/secret.ts");

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
/** Data of a Secret, which mocks receive wrapped as a Pulumi secret. */
const decoded = ({ value }: { value: Record<string, string> }) =>
  Object.fromEntries(
    Object.entries(value).map(([key, text]) => [key, Buffer.from(text, "base64").toString()]),
  );
const images = { minio: "minio@1", tasks: "tasks@1", modelRegistry: "registry@1", mariadb: "mariadb@1" };
const own = {
  platform: "kubernetes",
  namespace: "model-storage",
  bucket: "llm-models",
  region: "us-east-1",
  storage: "1Gi",
  console: true,
  retain: false,
  images,
  clients: ["ai"],
} as const;
const existing = {
  endpoint: "https://s3.example.com",
  bucket: "llm-models",
  region: "eu-1",
  login: { accessKey: pulumi.secret("key"), secretKey: pulumi.secret("canary") },
};

test("an existing object store needs no resource; the stack's own has all of MinIO", async () => {
  new ObjectStore("there", existing);
  await settled();
  expect(kinds()).toEqual([]);
  new ObjectStore("own", own);
  await settled();
  const minio = ["ConfigMap", "Deployment", "Job", "Namespace", "NetworkPolicy", "PersistentVolumeClaim"];
  expect(kinds()).toEqual([...minio, "Secret", "Secret", "Service"]);
  made = [];
  new ObjectStore("openshift", { ...own, platform: "openshift", clients: undefined });
  await settled();
  expect(kinds()).toContain("Route");
  expect(kinds()).not.toContain("NetworkPolicy");
});

test("a missing key for an object store is named", () => {
  const { login: _, ...noLogin } = existing;
  expect(() => new ObjectStore("a", noLogin)).toThrow("set modelcar:objectStoreAccessKey");
  const noImage = { ...own, images: { tasks: "tasks@1" } };
  expect(() => new ObjectStore("b", noImage)).toThrow("modelcar:images.minio is missing");
});

test("pipelines write with one login, KServe reads with another, and neither is the administrator's", async () => {
  const objectStore = new ObjectStore("store", own);
  new Credentials("credentials", { platform: "kubernetes", namespace: "ai", objectStore, secrets: {} });
  await settled();
  const pipeline = decoded(named("Secret", "minio-credentials").data);
  const serving = decoded(named("Secret", "minio-serving").data);
  const users = decoded(named("Secret", "minio-users").data);
  const root = decoded(named("Secret", "minio-root").data);
  expect(pipeline.AWS_SECRET_ACCESS_KEY).toBe(users.PIPELINE_PASSWORD);
  expect(serving.AWS_SECRET_ACCESS_KEY).toBe(users.SERVING_PASSWORD);
  const passwords = [pipeline.AWS_SECRET_ACCESS_KEY, serving.AWS_SECRET_ACCESS_KEY, root.MINIO_ROOT_PASSWORD];
  expect(new Set(passwords).size).toBe(3);
  expect(
    made.filter(({ inputs }) => inputs.kind === "Secret" && inputs.metadata.namespace === "ai"),
  ).toHaveLength(2);
});

test("each secret that is set has its Secret; the connection exists only on OpenShift", async () => {
  const objectStore = new ObjectStore("store", existing);
  new Credentials("credentials", {
    platform: "openshift",
    namespace: "ai",
    objectStore,
    imageRegistry: { server: "quay.io", username: "robot" },
    secrets: {
      hfToken: pulumi.secret("hf"),
      imageRegistryPassword: pulumi.secret("quay"),
      modelRegistryToken: pulumi.secret("registry"),
    },
  });
  await settled();
  const names = made
    .filter(({ inputs }) => inputs.kind === "Secret")
    .map(({ inputs }) => inputs.metadata.name);
  expect(names.sort()).toEqual([
    "hf-token",
    "minio-credentials",
    "minio-serving",
    "model-registry-token",
    "model-storage",
    "quay-credentials",
  ]);
  expect(named("Secret", "quay-credentials").type).toBe("kubernetes.io/dockerconfigjson");
  expect(decoded(named("Secret", "model-storage").data)).toEqual({
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "canary",
    AWS_S3_ENDPOINT: "https://s3.example.com",
    AWS_S3_BUCKET: "llm-models",
    AWS_DEFAULT_REGION: "eu-1",
  });
});

const args = { namespace: "ai", serviceAccount: "modelcar-register-model", networkPolicies: true, images };
const name = { name: "private-ai-model-registry", namespace: "rhoai-model-registries" };

test("a registry by its URL has that URL", async () => {
  const url = "https://registry.example.com";
  const registry = new Registry("r", {
    ...args,
    platform: "kubernetes",
    registry: { kind: "url", url, auth: "token" },
  });
  await settled();
  expect([registry.url, registry.auth]).toEqual([url, "token"]);
  expect(kinds()).toEqual(["ConfigMap"]);
  expect(named("ConfigMap", "model-registry").data).toEqual({
    MODEL_REGISTRY_URL: url,
    MODEL_REGISTRY_AUTH: "token",
  });
});

test("for an existing registry on OpenShift only access is declared", async () => {
  const registry = { kind: "existing", ...name, auth: "serviceAccount" } as const;
  const { url, auth } = new Registry("r", { ...args, platform: "openshift", registry });
  await settled();
  expect(kinds()).toEqual(["ConfigMap", "NetworkPolicy", "RoleBinding"]);
  expect([new URL(url).port, auth]).toEqual(["8443", "serviceAccount"]);
});

test("the stack's own registry is the operator's on OpenShift and a Deployment on Kubernetes, with one database", async () => {
  const registry = { kind: "own", ...name, storage: "1Gi", retain: true } as const;
  const database = ["Deployment", "NetworkPolicy", "NetworkPolicy", "PersistentVolumeClaim"];
  const onOpenShift = new Registry("o", { ...args, platform: "openshift", registry });
  await settled();
  const rest = ["ModelRegistry", "RoleBinding", "Secret", "Service", "ConfigMap"];
  expect(kinds()).toEqual([...database, ...rest].sort());
  expect(onOpenShift.auth).toBe("serviceAccount");
  made = [];
  const onKubernetes = new Registry("k", { ...args, platform: "kubernetes", registry });
  await settled();
  const server = ["ConfigMap", "Deployment", "Namespace", "Secret", "Service", "Service"];
  expect(kinds()).toEqual([...database, ...server].sort());
  expect(onKubernetes.auth).toBe("none");
});

test("a fingerprint changes with a value, does not reveal it, and is no secret", async () => {
  const of = (password: string, key = "mark") => fingerprint(key, { user: "admin", password }, {});
  const [one, same, other, otherKey] = await Promise.all(
    [of("canary"), of("canary"), of("changed"), of("canary", "else")].map(resolved),
  );
  expect(one).toMatch(/^[0-9a-f]{16}$/);
  expect(same).toBe(one);
  expect(other).not.toBe(one);
  expect(otherKey).not.toBe(one);
  expect(await pulumi.isSecret(of("canary"))).toBe(false);
});
