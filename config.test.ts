import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { type Config, parseConfig } from "./config.ts";

const digest = "a".repeat(64);
const images = Object.fromEntries(
  ["tasks", "vllm", "minio"].map((name) => [name, `registry.test/${name}@sha256:${digest}`]),
);

type Raw = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: tests reach into untyped config
type Editable = any;

/** A stack's committed config, with what `npm start` or the user adds. */
function stack(name: string): Editable {
  const file = parse(readFileSync(new URL(`./Pulumi.${name}.yaml`, import.meta.url), "utf8")) as {
    config: Raw;
  };
  const raw = Object.fromEntries(
    Object.entries(file.config).map(([key, value]) => [key.replace("modelcar:", ""), value]),
  );
  return { huggingFace: {}, accelerators: {}, images, ...raw };
}

/** The errors after one change to the local stack's config. */
function errorsAfter(edit: (raw: Editable) => void): readonly string[] {
  const raw = stack("local");
  edit(raw);
  const result = parseConfig(raw);
  return "errors" in result ? result.errors : [];
}

function valid(raw: Raw): Config {
  const result = parseConfig(raw);
  if ("errors" in result) throw new Error(result.errors.join("\n"));
  return result.config;
}

test("the committed local config is valid as it is", () => {
  const config = valid(stack("local"));
  expect(config.models.map((model) => model.name)).toEqual(["sums"]);
  expect(config.objectStore).toEqual({
    namespace: "model-storage",
    bucket: "llm-models",
    storage: "5Gi",
    region: "us-east-1",
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
      "modelcar:images.vllm",
      "modelcar:kubeContext",
      "modelcar:models[0].source.revision",
    ].sort(),
  );
});

test("quantities and URLs come out in one form", () => {
  const raw = stack("local");
  raw.models[0].serve.memory = "3072Mi";
  raw.models[0].serve.cpu = "1500m";
  raw.registry.url = "http://registry.test:8080/";
  const config = valid(raw);
  expect(config.models[0]?.serve).toMatchObject({ memory: "3Gi", cpu: "1500m" });
  expect(config.registry.url).toBe("http://registry.test:8080");
});

test("five different mistakes give five messages, each with key, value and what is allowed", () => {
  const errors = errorsAfter((raw) => {
    raw.platform = "nomad";
    raw.models[0].name = "Sums_Model";
    raw.models[0].source.revision = "main";
    raw.models[0].serve.memory = "3 gigabytes";
    raw.images = { ...images, tasks: "modelcar.local/tasks:latest" };
  });
  expect([...errors].sort()).toEqual([
    'modelcar:images.tasks: "modelcar.local/tasks:latest" must be an image by digest: <repository>@sha256:<64 hex digits>',
    'modelcar:models[0].name: "Sums_Model" must be at most 53 lower-case letters, digits and hyphens, starting with a letter (a KServe name)',
    'modelcar:models[0].serve.memory: "3 gigabytes" must be a Kubernetes quantity above zero, such as "16Gi"',
    'modelcar:models[0].source.revision: "main" must be the full commit SHA (40 hex digits); a branch or tag can move',
    'modelcar:platform: "nomad" must be one of: openshift, kubernetes',
  ]);
});

test.each<[string, (raw: Editable) => void, string]>([
  ["an unknown key", (raw) => (raw.modles = []), "modelcar:modles: unknown key"],
  [
    "a misspelt inner key",
    (raw) => (raw.models[0].source.revison = "x"),
    "modelcar:models[0].source.revison: unknown key",
  ],
  [
    "a missing image",
    (raw) => (raw.images = { ...images, vllm: undefined }),
    "modelcar:images.vllm: missing; set it to",
  ],
  ["no kube context", (raw) => (raw.kubeContext = ""), "modelcar:kubeContext: missing"],
  ["no models", (raw) => (raw.models = []), "modelcar:models: [] must be a list of at least one model"],
  [
    "models that are no list",
    (raw) => (raw.models = "sums"),
    'modelcar:models: "sums" must be a list of models',
  ],
  ["a name of 54 characters", (raw) => (raw.models[0].name = "a".repeat(54)), "at most 53"],
  ["a name that starts with a digit", (raw) => (raw.models[0].name = "7b"), "starting with a letter"],
  ["an abbreviated commit", (raw) => (raw.models[0].source.revision = "abc1234"), "40 hex digits"],
  ["a repository without owner", (raw) => (raw.models[0].source.huggingFace = "sums"), "<owner>/<name>"],
  [
    "half a GPU",
    (raw) => (raw.models[0].serve.gpus = 0.5),
    "modelcar:models[0].serve.gpus: 0.5 must be a whole number",
  ],
  ["no memory at all", (raw) => (raw.models[0].serve.memory = "0Gi"), "above zero"],
  [
    "a number for a quantity",
    (raw) => (raw.models[0].serve.cpu = 1),
    "modelcar:models[0].serve.cpu: 1 must be",
  ],
  ["a bucket in capitals", (raw) => (raw.objectStore.bucket = "Models"), "an S3 bucket name"],
  ["a registry without scheme", (raw) => (raw.registry.url = "registry:8080"), "an http:// or https:// URL"],
  ["a registry that is not there", (raw) => (raw.registry = {}), "modelcar:registry.url: missing"],
  ["an unknown runtime", (raw) => (raw.servingRuntime.name = "tgi"), "one of: vllm-cpu, vllm-cuda"],
  [
    "one namespace for both",
    (raw) => (raw.objectStore.namespace = "private-ai-demo"),
    "must differ from modelcar:namespace",
  ],
  ["two models of one name", (raw) => raw.models.push(raw.models[0]), '"sums" is the name of models[0] too'],
  [
    "GPUs of no accelerator",
    (raw) => (raw.models[0].serve.gpus = 1),
    "modelcar:models[0].serve.accelerator: missing; 1 GPUs",
  ],
  [
    "an accelerator that is not declared",
    (raw) => (raw.models[0].serve.accelerator = "h100"),
    '"h100" must be a key of modelcar:accelerators (none yet)',
  ],
])("%s is a mistake", (_, edit, message) => {
  const errors = errorsAfter(edit);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain(message);
});

test("more GPUs than any instance has are a mistake", () => {
  const raw = stack("dev");
  raw.kubeContext = "dev";
  raw.models[0].source.revision = "b".repeat(40);
  raw.models[1].serve.gpus = 8;
  expect(parseConfig(raw)).toEqual({
    errors: ["modelcar:models[1].serve.gpus: 8 must be at most 4, the most that an instance with l4 has"],
  });
});
