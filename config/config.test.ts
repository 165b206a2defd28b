import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { type Config, parseConfig } from "./config.ts";
import { secrets } from "./schema.ts";

const digest = "a".repeat(64);
const images = Object.fromEntries(
  [
    "tasks",
    "vllm-cuda",
    "vllm-cpu",
    "minio",
    "modelRegistry",
    "mariadb",
    "compress",
    "evaluate",
    "guidellm",
    "report",
    "modelcarBase",
  ].map((name) => [name, `registry.test/${name}@sha256:${digest}`]),
);

const encrypted = new Set<string>(Object.keys(secrets));

type Raw = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: tests reach into untyped config
type Editable = any;

/** A stack's committed config, with what `npm start` or the user adds. */
function stack(name: string): Editable {
  const file = parse(readFileSync(new URL(`../Pulumi.${name}.yaml`, import.meta.url), "utf8")) as {
    config: Raw;
  };
  const raw = Object.fromEntries(
    Object.entries(file.config).map(([key, value]) => [key.replace("modelcar:", ""), value]),
  );
  return { huggingFace: {}, accelerators: {}, images, ...raw };
}

function valid(raw: Raw): Config {
  const result = parseConfig(raw, encrypted);
  if ("errors" in result) throw new Error(result.errors.join("\n"));
  return result.config;
}

test("the committed local config is valid as it is", () => {
  const config = valid(stack("local"));
  expect(config.models.map((model) => model.name)).toEqual([
    "sums",
    "mistral-24b-quantized",
    "mistral-24b",
    "sums-quantized",
  ]);
  expect(config.objectStore).toEqual({
    namespace: "model-storage",
    bucket: "llm-models",
    storage: "5Gi",
    region: "us-east-1",
    console: true,
    retain: false,
  });
});

test("the committed dev config lacks only what belongs to a cluster and a reviewed commit", () => {
  const raw = { ...stack("dev"), images: {} };
  const result = parseConfig(raw);
  const keys = "errors" in result ? result.errors.map((line) => line.split(": ")[0]) : [];
  expect(keys.sort()).toEqual(
    [
      "modelcar:images.minio",
      "modelcar:images.tasks",
      "modelcar:images.vllm-cuda",
      "modelcar:imageRegistryPassword",
      "modelcar:kubeContext",
      "modelcar:models[0].source.revision",
    ].sort(),
  );
});

test("quantities and URLs are normalized", () => {
  const raw = stack("local");
  raw.models[0].serve.memory = "3072Mi";
  raw.models[0].serve.cpu = "1500m";
  raw.registry = { kind: "url", url: "http://registry.test:8080/" };
  const config = valid(raw);
  expect(config.models[0]?.serve).toMatchObject({ memory: "3Gi", cpu: "1500m" });
  expect(config.registry).toMatchObject({ url: "http://registry.test:8080" });
});

test("an invalid URL or registry, or one with a password, is refused with its key", () => {
  const raw = stack("local");
  raw.huggingFace = { endpoint: "http://[::1" };
  raw.registry = { kind: "url", url: "http://registry.models.svc:99999" };
  raw.objectStore = { endpoint: "https://admin:s3cret@minio.store.svc:9000" };
  raw.consoleUrl = "https://admin:s3/cret@console.example.com";
  raw.imageRegistry = { server: "harbor.example.com:70000" };
  raw.models[0].package = { kind: "modelcar", image: "harbor.example.com:70000/org/sums" };
  raw.models[2].source = { uri: `oci://harbor.example.com:70000/org/sums@sha256:${digest}` };
  const result = parseConfig(raw, encrypted);
  const errors = "errors" in result ? result.errors : [];
  const said = (key: string) => errors.filter((line) => line.startsWith(`modelcar:${key}: `));
  for (const [key, shown] of [
    ["huggingFace.endpoint", "http://[::1"],
    ["registry.url", "http://registry.models.svc:99999"],
    ["consoleUrl", "https://…@console.example.com"],
    ["imageRegistry.server", "harbor.example.com:70000"],
    ["models[0].package.image", "harbor.example.com:70000/org/sums"],
    ["models[2].source.uri", `oci://harbor.example.com:70000/org/sums@sha256:${digest}`],
  ] as const) {
    expect(said(key)).toHaveLength(1);
    expect(said(key)[0]).toMatch(/a port up to 65535$/);
    expect(said(key)[0]).toContain(`${key}: "${shown}" must be `);
  }
  expect(said("objectStore.endpoint")).toEqual([
    'modelcar:objectStore.endpoint: "https://…@minio.store.svc:9000" must be a URL without user and password: give them as ' +
      "secrets instead (hfToken, modelRegistryToken, or objectStoreAccessKey and objectStoreSecretKey)",
  ]);
  expect(errors.join("\n")).not.toMatch(/s3\/?cret/);
});

test("five mistakes give five messages, each with key, value and what is allowed", () => {
  const raw = stack("local");
  raw.platform = "nomad";
  raw.models[0].name = "Sums_Model";
  raw.models[3].test.base = "Sums_Model";
  raw.models[0].source.revision = "main";
  raw.models[0].serve.memory = "3 gigabytes";
  raw.images = { ...images, tasks: "modelcar.local/tasks:latest" };
  const result = parseConfig(raw);
  expect("errors" in result && [...result.errors].sort()).toEqual([
    'modelcar:images.tasks: "modelcar.local/tasks:latest" must be an image by digest: <repository>@sha256:<64 hex digits>',
    'modelcar:models[0].name: "Sums_Model" must be at most 53 lower-case letters, digits and hyphens, starting with a letter (a KServe name)',
    'modelcar:models[0].serve.memory: "3 gigabytes" must be a Kubernetes quantity above zero, such as "16Gi"',
    'modelcar:models[0].source.revision: "main" must be the full commit SHA (40 hex digits); a branch or tag can move',
    'modelcar:platform: "nomad" must be one of: openshift, kubernetes',
  ]);
});

test("a secret in plain text is refused, and named with the command that encrypts it", () => {
  const raw = { ...stack("local"), hfToken: "hf_plain" };
  expect(parseConfig(raw)).toEqual({
    errors: [
      "modelcar:hfToken: the Hugging Face token for gated models must be encrypted: pulumi config set --secret modelcar:hfToken",
    ],
  });
  expect(parseConfig(raw, encrypted)).toHaveProperty("config");
});

test("no message contains an encrypted value", () => {
  const raw = { ...stack("local"), namespace: "Not A Name", hfToken: "" };
  raw.models[0].serve.cpu = "hidden too";
  const result = parseConfig(raw, new Set(["namespace", "models", "hfToken"]));
  const text = "errors" in result ? result.errors.join("\n") : "";
  expect(text).toContain("modelcar:namespace: its value (a secret) must be");
  expect(text).toContain("modelcar:models[0].serve.cpu: its value (a secret) must be");
  expect(text).toContain("modelcar:hfToken: is empty");
  expect(text).not.toMatch(/Not A Name|hidden too/);
});

test("for any input the result is a config, or mistakes that name a key", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...Object.keys(stack("dev")), "hfToken"), fc.jsonValue()),
      (change) => {
        const result = parseConfig({ ...stack("dev"), ...change }, encrypted);
        if ("errors" in result) {
          expect(result.errors.length).toBeGreaterThan(0);
          for (const line of result.errors) expect(line).toMatch(/^modelcar:.+: ./s);
        }
      },
    ),
  );
});
