/**
 * Configs, good and bad, for the tests: each changes one of the committed stacks. A bad case names every key that the
 * program must complain about, with a part of what it says.
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";

// biome-ignore lint/suspicious/noExplicitAny: cases write what the schema refuses.
export type Editable = any;
type Stack = "alone" | "local" | "dev";
type Edit = (config: Editable) => void;

export interface Case {
  readonly title: string;
  readonly stack: Stack;
  readonly edit: Edit;
  /** Key without `modelcar:`, and a part of the message. None: the config is good. */
  readonly mistakes: readonly (readonly [key: string, says: string])[];
}

const digest = "d".repeat(64);
const commit = "e".repeat(40);
const oci = `oci://quay.io/org/model@sha256:${digest}`;

/** Sets the value at a path such as models[0].serve.cpu. */
export function set(config: Editable, path: string, value: unknown): void {
  const keys = path.split(/[.[\]]+/).filter((key) => key !== "");
  const last = keys.pop() as string;
  const parent = keys.reduce((at, key) => {
    at[key] ??= {};
    return at[key];
  }, config);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
}

const text = (value: unknown) => (value === undefined ? "left out" : JSON.stringify(value));

/** One key with each of several values that it must not have. */
const bad = (stack: Stack, path: string, says: string, ...values: unknown[]): Case[] =>
  values.map((value) => ({
    title: `${path}: ${text(value)}`,
    stack,
    edit: (config) => set(config, path, value),
    mistakes: [[path, says]],
  }));

/** The same for a registry that is named by its URL. */
const badUrl = (path: string, says: string, ...values: unknown[]): Case[] =>
  bad("alone", path, says, ...values).map((one) => ({
    ...one,
    edit: (config) => {
      config.registry = { kind: "url", url: "http://registry.example.com" };
      one.edit(config);
    },
  }));

/** A model that is compressed, evaluated, packaged as an image, served and tested. */
export function packed(config: Editable): void {
  config.project = { podSecurity: "baseline" };
  Object.assign(config.models[0], {
    package: { kind: "modelcar", image: "quay.io/org/model" },
    compress: { recipe: "code", cpu: "2", memory: "8Gi" },
    evaluate: { tasks: ["arc_easy"], minimumScores: { "arc_easy:acc": 0.5 }, cpu: "2", memory: "8Gi" },
    test: { evaluate: { tasks: ["arc_easy"], limit: 100 }, benchmark: { profile: "sweep", rate: 5 } },
  });
}

/** The same for such a model. */
const badPacked = (path: string, says: string, ...values: unknown[]): Case[] =>
  bad("alone", `models[0].${path}`, says, ...values).map((one) => ({
    ...one,
    edit: (config) => {
      packed(config);
      one.edit(config);
    },
  }));

/** The same for the model that is compared with another. */
const badCompared = (path: string, says: string, ...values: unknown[]): Case[] =>
  bad("local", `models[3].${path}`, says, ...values);

/** One key with each of several values that it may have. */
const good = (stack: Stack, path: string, ...values: unknown[]): Case[] =>
  values.map((value) => ({
    title: `${path}: ${text(value)}`,
    stack,
    edit: (config) => set(config, path, value),
    mistakes: [],
  }));

const combined = (stack: Stack, title: string, edit: Edit, ...mistakes: [string, string][]): Case => ({
  title,
  stack,
  edit,
  mistakes,
});

/** A model whose name makes another name too long: its length, and how long the model's name may be. */
const named = (
  name: string,
  length: number,
  room: number,
  edit: (model: Editable, config: Editable) => void = () => {},
): Case =>
  combined(
    "alone",
    `models[0].name, ${name}, where ${room} characters fit`,
    (config) => {
      config.models[0].name = name;
      config.project = { podSecurity: "baseline" };
      edit(config.models[0], config);
    },
    [
      "models[0].name",
      `which has ${length} characters, but may have 63: use at most ${room} characters here`,
    ],
  );

const quantity = "a Kubernetes quantity above zero";
const dnsLabel = "lower-case letters, digits and hyphens";
const unknownKey = "unknown key; check its spelling and its place";

const badValues: Case[] = [
  ...bad("alone", "platform", "one of: openshift, kubernetes", "nomad", "OpenShift", 1),
  ...bad("alone", "platform", "missing; set it to one of", undefined, ""),
  ...bad("alone", "platformVersion", 'a version as a quoted text, such as "3.4"', 3, "latest", "v3.4", "3"),
  ...bad("alone", "platformVersion", "missing", undefined, ""),
  ...bad("alone", "namespace", dnsLabel, "Private", "a_b", "-a", "a-", "a".repeat(64)),
  ...bad("alone", "kubeContext", "missing", undefined, ""),
  ...bad("alone", "modles", unknownKey, []),
  ...bad("alone", "hftoken", unknownKey, "x"),
  ...bad("alone", "project.existing", "true or false", "yes", 1),
  ...bad("alone", "project.quota.pods", "a Kubernetes quantity as a text", 4, "four", "-1"),
  ...bad("alone", "project.limits.max.memory", quantity, "0", "big", 64),
  ...bad("alone", "project.limits.min.cpu", quantity, "0m", "-1"),
  ...bad("alone", "project.limits.maximum", unknownKey, {}),
  ...bad("alone", "project.quotas", unknownKey, {}),
  ...bad("alone", "project.networkPolicies", "true or false", "on"),
  ...bad(
    "alone",
    "huggingFace.endpoint",
    "an http:// or https:// URL",
    "huggingface.co",
    "ftp://x",
    "https://x?y",
  ),
  ...bad("alone", "huggingFace.url", unknownKey, "https://huggingface.co"),
  ...bad("alone", "objectStore.bucket", "an S3 bucket name", "Models", "ab", "a..b", "a_b", "a".repeat(64)),
  ...bad("alone", "objectStore.storage", quantity, "5 GB", 5, "0Gi"),
  ...bad("alone", "objectStore.retain", "true or false", "yes"),
  ...bad("alone", "objectStore.size", unknownKey, "5Gi"),
  ...bad("alone", "registry", "missing; set it to", undefined),
  ...bad("alone", "registry.kind", "one of: url, existing, own", undefined, "none", 1),
  ...badUrl("registry.url", "an http:// or https:// URL", "registry:8080", "//registry"),
  ...badUrl("registry.url", "missing", undefined, ""),
  ...badUrl("registry.auth", "one of: none, token", "basic", true),
  ...badUrl("registry.name", unknownKey, "registry"),
  ...bad("dev", "registry.auth", "one of: none, serviceAccount", "token"),
  ...bad("dev", "registry.namespace", dnsLabel, "RHOAI"),
  ...bad(
    "dev",
    "imageRegistry.server",
    "a registry's host, such as quay.io",
    "https://quay.io",
    "quay.io/org",
  ),
  ...bad("dev", "imageRegistry.plainHttp", "true or false", "no"),
  ...bad("dev", "imageRegistry.password", unknownKey, "secret"),
  ...bad("alone", "storage.size", quantity, "lots", 100),
  ...bad("alone", "storage.accessMode", "one of: ReadWriteOnce, ReadWriteMany", "RWX"),
  ...bad("alone", "storage.storageClass", "a text that is not empty", 3, " "),
  ...bad("alone", "pipelines.timeoutMinutes", "a whole number from 1 to 10080", 0, 1.5, "60", 10_081),
  ...bad("alone", "pipelines.storage", unknownKey, "5Gi"),
  ...bad("alone", "deploymentMode", "one of: Standard, RawDeployment", "Serverless", "Knative"),
  ...bad("alone", "servingRuntimes.vllm-cpu.args", "a list of vLLM arguments", "--enforce-eager"),
  ...bad("alone", "servingRuntimes.vllm-cpu.env.OMP_NUM_THREADS", "a text (quote numbers)", 1),
  ...bad("alone", "servingRuntimes.vllm-cpu.startupMinutes", "a whole number from 1 to 240", 0, 241),
  ...bad("alone", "servingRuntimes.tgi", unknownKey, {}),
  ...bad("alone", "endpoint.exposure", "one of: none, route, ingress, gateway", "loadbalancer"),
  ...bad("alone", "endpoint.exposure", `"route" needs OpenShift`, "route"),
  ...bad(
    "alone",
    "endpoint.domain",
    "a domain name",
    "apps",
    "https://apps.example.com",
    "Apps.example.com",
    `${"a".repeat(64)}.com`,
  ),
  ...bad("alone", "endpoint.timeoutSeconds", "a whole number from 1 to 86400", 0, "30s"),
  ...bad("alone", "endpoint.gateway", "a set of keys", "public"),
  ...bad("alone", "monitoring.serviceMonitor", "true or false", "yes"),
  ...bad("alone", "monitoring.grafana", unknownKey, true),
  ...bad("alone", "accelerators.l4.memory", "missing", undefined),
  ...bad("alone", "accelerators.l4.memory", quantity, 24),
  ...bad("alone", "accelerators.l4.gpuProduct", "missing", undefined, ""),
  ...bad("alone", "accelerators.l4.gpuProduct", "a label's value", "NVIDIA L4", "N".repeat(64)),
  ...bad("alone", "accelerators.l4.instances", "instance types", [], "g6"),
  ...bad(
    "alone",
    "images.tasks",
    "an image by digest",
    "quay.io/org/tasks:latest",
    "tasks",
    `x@sha256:${"d".repeat(63)}`,
  ),
  ...bad("alone", "images.tasks", "missing", undefined, ""),
  ...bad("alone", "images.tasks", "an image by digest", `https://quay.io/tasks@sha256:${digest}`),
  ...bad("alone", "images.minio", "the stack's own object store needs this image", undefined),
  ...bad("alone", "images.vllm-cpu", "a model without GPUs needs this image", undefined),
  ...bad("alone", "images.vllm-cuda", "a model on GPUs needs this image", undefined),
  ...bad("alone", "images.vllm", unknownKey, `x@sha256:${digest}`),
  ...bad("alone", "models", "a list of models", "sums", {}),
  ...bad("alone", "models", "a list of at least one model", []),
  ...bad("alone", "models[0].name", "a KServe name", "Sums", "7b", "a".repeat(54), "a_b", "a-"),
  ...bad("alone", "models[0].name", "missing", undefined, ""),
  ...bad("alone", "models[0].labels", unknownKey, {}),
  ...bad(
    "alone",
    "models[0].source.huggingFace",
    "<owner>/<name>",
    "sums",
    "a/b/c",
    "https://huggingface.co/a/b",
  ),
  ...bad("alone", "models[0].source.huggingFace", "missing", undefined),
  ...bad("alone", "models[0].source.revision", "40 hex digits", "main", "abc1234", commit.toUpperCase()),
  ...bad("alone", "models[0].source.revision", "missing", undefined, ""),
  ...bad("alone", "models[0].source.revison", unknownKey, commit),
  ...bad("alone", "models[0].source.allowPatterns", "a list of file patterns", "*.json"),
  ...bad("alone", "models[0].source.allowPatterns[0]", "a file pattern without spaces", "*.json *.txt", ""),
  ...bad(
    "alone",
    "models[1].source.uri",
    "oci://<repository>@sha256:",
    "oci://quay.io/org/model:latest",
    "hf://a/b",
    "s3://",
  ),
  ...bad("alone", "models[1].source.uri", "must be in the bucket llm-models", "s3://other-bucket/model/"),
  ...bad("alone", "models[1].source.revision", unknownKey, commit),
  ...bad("alone", "models[1].package", "must be omitted: a model with source.uri is already packaged", {
    kind: "s3",
  }),
  ...bad("alone", "models[0].package.kind", "one of: s3, modelcar, pvc", "emptyDir", 1),
  ...bad("dev", "models[1].package.claim", dnsLabel, "Mistral_PVC"),
  ...bad("dev", "models[1].package.claim", "missing", undefined, ""),
  ...bad("dev", "models[1].package.claim", "is already the volume of the pipelines", "modelcar-storage"),
  ...badPacked(
    "package.image",
    "a repository with its registry's host and without a tag",
    undefined,
    "quay.io",
    "quay.io/org/model:1",
    "org/model",
    "quay.io/org/a..b",
  ),
  ...badPacked("compress.recipe", "one of: general, code, sums", "gptq"),
  ...badPacked("compress.cpu", "missing", undefined),
  ...badPacked("compress.gpus", "a whole number from 0 to 64", -1),
  ...badPacked("compress.accelerator", "must be a key of modelcar:accelerators", "h100"),
  ...badPacked(
    "compress.calibrationDataset",
    "<organisation>/<name>@<commit SHA>",
    "org/data",
    "org/data@main",
  ),
  ...badPacked("compress.calibrationSamples", "a whole number from 1", 0),
  ...badPacked("evaluate.tasks", "a list of at least one task", []),
  ...badPacked("evaluate.minimumScores.arc_easy", "scores by <task>:<metric>", 0.5),
  ...badPacked("evaluate.runGeneratedCode", "true or false", "yes"),
  ...badPacked("test.benchmark.profile", "one of: sweep, ", "quick"),
  ...badPacked("test.benchmark.maxSeconds", "a whole number from 1", 0),
  ...badPacked("test.evaluate.tasks", "a list of", "sums"),
  ...bad("dev", "models[1].package.size", quantity, "120 GB"),
  ...bad("dev", "models[1].package.accessMode", "one of: ReadWriteOnce, ReadWriteMany", "ReadOnlyMany"),
  ...bad("dev", "models[1].architecture.layers", "a whole number", "40", 0, 1.5),
  ...bad("dev", "models[1].architecture.parameters", "a number", "24B", -1),
  ...bad("dev", "models[1].architecture.parameters", "missing", undefined),
  ...bad("dev", "models[1].architecture.heads", unknownKey, 32),
  ...bad("alone", "models[0].serve", "missing", undefined),
  ...bad("alone", "models[0].serve.mode", "one of: kserve, deployment", "knative"),
  ...bad("alone", "models[0].serve.gpus", "a whole number from 0 to 64", 0.5, -1, "1"),
  ...bad("alone", "models[0].serve.cpu", quantity, 1, "0", "one"),
  ...bad("alone", "models[0].serve.memory", quantity, "3 gigabytes", "0Gi", 3),
  ...bad("alone", "models[0].serve.maxModelLen", "a whole number", "256", 0),
  ...bad("alone", "models[0].serve.maxModelLen", "missing", undefined),
  ...bad("alone", "models[0].serve.gpuMemoryUtilization", "a number from 0.1 to 1", 90, 0, "0.9"),
  ...bad("alone", "models[0].serve.vllmArgs", "a list of vLLM arguments", "--enable-prefix-caching"),
  ...bad("alone", "models[0].serve.rollout", "one of: RollingUpdate, Recreate", "BlueGreen"),
  ...bad("alone", "models[0].serve.stopped", "true or false", "no"),
  ...bad("alone", "models[0].serve.replicas", "a whole number from 1 to 1000", 0),
  ...bad("alone", "models[0].serve.gpu", unknownKey, 1),
  ...bad("alone", "models[0].serve.cache", "works only with mode deployment", { size: "20Gi" }),
  ...bad("alone", "models[1].serve.accelerator", "must be a key of modelcar:accelerators (l4)", "h100"),
  ...bad(
    "alone",
    "models[1].serve.accelerator",
    "missing; 1 GPUs need a key of modelcar:accelerators (l4)",
    undefined,
  ),
  ...bad(
    "alone",
    "models[1].serve.gpus",
    "must be at most 4, the GPUs of the largest instance with l4",
    5,
    8,
  ),
];

/** Arguments that other keys set. */
const decided: Case[] = [
  ["--max-model-len=1", "serve.maxModelLen"],
  ["--max_model_len=1", "serve.maxModelLen"],
  ["--tensor-parallel-size", "serve.gpus"],
  ["--gpu-memory-utilization=0.5", "serve.gpuMemoryUtilization"],
  ["--max-num-seqs=1", "serve.maxNumSeqs"],
  ["--served-model-name=x", "name"],
  ["--model=/x", "source"],
  ["--port=1", "the program"],
  ["--api-key=x", "serve.auth"],
].flatMap(([argument, key]) => [
  ...bad("alone", "models[0].serve.vllmArgs[0]", `must be omitted: it is set by ${key}`, argument).map(
    (one) => ({
      ...one,
      edit: (config: Editable) => set(config, "models[0].serve.vllmArgs", [argument]),
    }),
  ),
]);

const contradictions: Case[] = [
  combined("alone", "two models of one name", (config) => config.models.push(config.models[0]), [
    "models[3].name",
    '"sums" is also the name of models[0]',
  ]),
  combined(
    "alone",
    "a model named like another's Service",
    (config) => config.models.push({ ...config.models[0], name: "sums-predictor" }),
    ["models[3].name", "is KServe's name for the Service of models[0]"],
  ),
  combined(
    "alone",
    "one namespace for project and object store",
    (config) => set(config, "objectStore.namespace", "private-ai-demo"),
    ["objectStore.namespace", '"private-ai-demo" must differ from modelcar:namespace'],
  ),
  combined(
    "alone",
    "one namespace for object store and registry",
    (config) => set(config, "registry", { kind: "own", namespace: "model-storage" }),
    ["registry.namespace", '"model-storage" must differ from modelcar:objectStore.namespace'],
  ),
  combined(
    "alone",
    "an OpenShift registry on Kubernetes",
    (config) => set(config, "registry", { kind: "existing" }),
    ["registry.kind", '"existing" is a ModelRegistry of OpenShift AI'],
  ),
  combined(
    "alone",
    "a registry of its own without images",
    (config) => {
      config.registry = { kind: "own" };
      delete config.images.modelRegistry;
      delete config.images.mariadb;
    },
    ["images.modelRegistry", "the stack's own model registry"],
    ["images.mariadb", "the stack's own model registry"],
  ),
  combined(
    "alone",
    "a registry with token, but no token",
    (config) => set(config, "registry", { kind: "url", url: "http://registry.example.com", auth: "token" }),
    ["modelRegistryToken", "pulumi config set --secret modelcar:modelRegistryToken"],
  ),
  combined(
    "alone",
    "a token for a registry that takes none",
    (config) => set(config, "modelRegistryToken", "t"),
    ["modelRegistryToken", "is set, but used only"],
  ),
  combined("dev", "an image registry without password", (config) => delete config.imageRegistryPassword, [
    "imageRegistryPassword",
    "missing; required with modelcar:imageRegistry.username",
  ]),
  combined(
    "alone",
    "a password without image registry",
    (config) => set(config, "imageRegistryPassword", "p"),
    ["imageRegistryPassword", "is set, but used only"],
  ),
  combined(
    "alone",
    "an object store that exists, without keys",
    (config) => set(config, "objectStore", { endpoint: "https://s3.example.com", bucket: "llm-models" }),
    ["objectStoreAccessKey", "required with modelcar:objectStore.endpoint"],
    ["objectStoreSecretKey", "required with modelcar:objectStore.endpoint"],
  ),
  combined(
    "alone",
    "an object store that exists, with a volume",
    (config) => {
      config.objectStore = { endpoint: "https://s3.example.com", storage: "5Gi" };
      config.objectStoreAccessKey = config.objectStoreSecretKey = "k";
    },
    ["objectStore.storage", unknownKey],
  ),
  combined("alone", "only one of MinIO's keys", (config) => set(config, "objectStoreAccessKey", "k"), [
    "objectStoreSecretKey",
    "set both of MinIO's keys, or neither",
  ]),
  combined("alone", "ingress without domain", (config) => set(config, "endpoint.exposure", "ingress"), [
    "endpoint.domain",
    "missing; ingress needs the domain",
  ]),
  combined(
    "alone",
    "gateway without domain and Gateway",
    (config) => set(config, "endpoint.exposure", "gateway"),
    ["endpoint.domain", "missing; gateway needs the domain"],
    ["endpoint.gateway", "missing; set it to the Gateway's"],
  ),
  combined(
    "dev",
    "two models on one claim",
    (config) => set(config, "models[0].package", { ...config.models[1].package }),
    ["models[1].package.claim", '"mistral-24b-pvc" is already the claim of models[0]'],
  ),
  combined(
    "alone",
    "a plain Deployment of a model that must be pulled",
    (config) => set(config, "models[0].serve.mode", "deployment"),
    ["models[0].serve.mode", '"deployment" serves a model image: set source.uri to oci://'],
    ["models[0].serve.cache", "missing; mode deployment caches the model on a volume"],
  ),
  ...bad("alone", "chat.model", "must be the name of one of modelcar:models (sums, ", "granite"),
  ...bad("alone", "chat", "missing; set it to", {}).map((one) => ({
    ...one,
    mistakes: [["chat.model", "missing"]] as const,
  })),
  combined(
    "alone",
    "a chat UI before a model that is stopped, without its image",
    (config) => {
      config.chat = { model: "mistral-24b", storage: "big" };
      delete config.images.anythingllm;
    },
    ["chat.model", '"mistral-24b" is stopped'],
    ["chat.storage", quantity],
    ["images.anythingllm", "modelcar:chat needs this image"],
  ),
  combined(
    "alone",
    "compression of a model that is not packaged as an image",
    (config) => {
      packed(config);
      config.models[0].package = { kind: "s3" };
    },
    ["models[0].compress", "works only with package.kind: modelcar"],
    ["models[0].evaluate", "works only with package.kind: modelcar"],
  ),
  combined(
    "alone",
    "a packaged model without the images of its pipeline's tasks",
    (config) => {
      packed(config);
      for (const key of ["compress", "evaluate", "guidellm", "modelcarBase"]) delete config.images[key];
    },
    ["images.compress", "package.kind: modelcar needs this image"],
    ["images.evaluate", "package.kind: modelcar needs this image"],
    ["images.guidellm", "package.kind: modelcar needs this image"],
    ["images.modelcarBase", "package.kind: modelcar needs this image"],
  ),
  combined(
    "alone",
    "a packaged model behind KServe in a restricted namespace",
    (config) => {
      packed(config);
      delete config.project;
    },
    ["project.podSecurity", "must be baseline for models[0]"],
  ),
  combined(
    "alone",
    "a packaged model that ORAS is to fetch",
    (config) => {
      packed(config);
      Object.assign(config.models[0].serve, { mode: "deployment", cache: { size: "1Gi", fetch: "oras" } });
    },
    ["models[0].serve.cache.fetch", "builds images"],
  ),
  combined(
    "alone",
    "a test of a plain Deployment that does not run",
    (config) => {
      packed(config);
      Object.assign(config.models[0].serve, {
        mode: "deployment",
        cache: { size: "1Gi" },
        stopped: true,
      });
    },
    ["models[0].test", "works only with serve.mode kserve"],
  ),
  ...badCompared("test.base", "must be the name of another of modelcar:models", "sum", "sums-quantized"),
  ...badCompared("test.base", "missing; evaluate.gate requires a share", undefined),
  ...badCompared("test.evaluate", "must be the same as that of sums", undefined),
  combined(
    "local",
    "a base that is measured otherwise",
    (config) => {
      config.models[3].test.evaluate.limit = 39;
      config.models[3].test.benchmark.rate = 5;
    },
    ["models[3].test.evaluate", "must be the same as that of sums"],
    ["models[3].test.benchmark", "must be the same as that of sums"],
  ),
  ...badCompared("test.evaluate.gate.recovery", "a number", "high", -1),
  ...badCompared("test.evaluate.gate.recoveryByTask.other", "must be one of evaluate.tasks (sums)", 0.9),
  ...badCompared("test.evaluate.gate.recoverey", unknownKey, 0.9),
  ...badCompared("test.benchmark.gate.ttftMsP95", "a number", "fast"),
  ...badCompared("test.benchmark.gate.errorRate", "a number", 0.06),
  ...badCompared("serve.hourlyUsd", "a number", "cheap"),
  combined(
    "local",
    "a name that leaves no room for the candidate's",
    (config) => {
      config.models[3].name = "a".repeat(50);
    },
    ["models[3].test", "needs a shorter model name"],
  ),
  // The first part of KServe's host: <name>-predictor-private-ai-demo.
  named("mistral-small-24b-instruct-2501-w4a16b", 64, 37),
  named("granite-3-1-8b-instruct-w4a16", 65, 27, (model) => {
    packed({ models: [model] });
    model.test.evaluate.gate = {};
  }),
  named("granite-3-1-8b-instruct-w4a16", 65, 27, (model) => {
    packed({ models: [model] });
    model.serve.stopped = true;
  }),
  // The value of the label app, in any namespace.
  named("a".repeat(49), 64, 48, (_, config) => set(config, "namespace", "ai")),
  combined(
    "alone",
    "names that are too long only with the namespace, all told at once",
    (config) => {
      config.namespace = "n".repeat(45);
      Object.assign(config.endpoint, { exposure: "ingress", domain: "apps.example.com" });
      Object.assign(config.models[0], { source: { uri: oci }, package: undefined });
      Object.assign(config.models[0].serve, { mode: "deployment", cache: { size: "1Gi" } });
      config.models[0].name = "d".repeat(18);
      config.chat = { model: "d".repeat(18) };
    },
    ["models[0].name", `makes the first part of its host ${"d".repeat(18)}-${"n".repeat(45)}, which has 64`],
    ["models[1].name", "use at most 7 characters here"],
    ["models[2].name", "use at most 7 characters here"],
  ),
  combined(
    "alone",
    "a namespace without room for the chat UI's host",
    (config) => {
      config.namespace = "n".repeat(51);
      config.models = [config.models[0]];
      config.models[0].name = "m";
      config.endpoint = {
        exposure: "gateway",
        domain: "example.com",
        gateway: { name: "g", namespace: "g" },
      };
      config.chat = { model: "m" };
    },
    [
      "namespace",
      `the chat UI's host anything-llm-${"n".repeat(51)}, which has 64 characters, but may have 63`,
    ],
  ),
  combined(
    "dev",
    "a namespace without room for the host of MinIO's console",
    (config) => set(config, "objectStore.namespace", "s".repeat(50)),
    ["objectStore.namespace", "may have 63: use at most 49 characters here"],
  ),
  combined(
    "alone",
    "a registry without room for the Service of its database",
    (config) => set(config, "registry", { kind: "own", name: "r".repeat(61) }),
    ["registry.name", "makes the Service of its database"],
  ),
  combined(
    "alone",
    "a domain that leaves the longest host no room",
    (config) => {
      const domain = `${"d".repeat(60)}.`.repeat(3) + "e".repeat(17);
      config.endpoint = { exposure: "ingress", domain };
      config.models = [config.models[0]];
      config.models[0].name = "m".repeat(20);
      config.namespace = "n".repeat(32);
      config.models[0].serve.mode = "kserve";
    },
    ["endpoint.domain", "which has 254 characters, but may have 253"],
  ),
  combined(
    "local",
    "a model that is called as another is while it is measured",
    (config) => {
      config.models[1].name = "sums-quantized-candidate";
    },
    ["models[3].test", "is that of models[1]"],
  ),
  ...bad("local", "images.report", "a test with base or gate needs this image", undefined),
  combined(
    "local",
    "two that are each other's base",
    (config) => {
      config.models[0].test.base = "sums-quantized";
    },
    ["models[0].test.base", '"sums-quantized" itself has a base'],
    ["models[3].test.base", '"sums" itself has a base'],
  ),
  combined(
    "alone",
    "Buildah in a restricted namespace",
    (config) => {
      config.images.buildah = `quay.io/buildah/stable@sha256:${digest}`;
    },
    ["project.podSecurity", "must be baseline with images.buildah"],
  ),
  ...bad("alone", "monitoring.alerts", "true or false", "yes"),
  ...bad("alone", "monitoring.dashboard", "one of: none, configMap", "grafana"),
  ...bad("alone", "monitoring.dashboard", '"openshiftConsole" needs OpenShift', "openshiftConsole"),
  ...bad("alone", "monitoring.labels.release", "a label's value", "no label!"),
  ...bad("alone", "monitoring.grafanaLabels.dashboards", "a label's value", "no label!", "g".repeat(64)),
  ...bad("alone", "monitoring.thresholds.ttftMsP95", "a number", "fast"),
  combined(
    "dev",
    "a dashboard for OpenShift's console in a namespace of its own",
    (config) => {
      config.monitoring = { dashboard: "openshiftConsole", dashboardNamespace: "dashboards" };
    },
    ["monitoring.dashboardNamespace", "must be omitted"],
  ),
  combined(
    "local",
    "a base that is not tested",
    (config) => {
      delete config.models[0].test;
    },
    ["models[3].test.base", '"sums" has no test'],
  ),
  combined(
    "local",
    "a model with a gate behind a plain Deployment",
    (config) => Object.assign(config.models[3].serve, { mode: "deployment", cache: { size: "1Gi" } }),
    ["models[3].test", "is measured before it is served, as a separate service"],
  ),
  ...bad("alone", "models[0].test", "must have evaluate, benchmark or both", {}),
  combined(
    "dev",
    "compression on more GPUs than there are, and on GPUs of no kind",
    (config) => {
      packed(config);
      Object.assign(config.models[0].compress, { accelerator: "l4", gpus: 8 });
      Object.assign(config.models[0].evaluate, { gpus: 1 });
      delete config.project;
    },
    ["models[0].compress.gpus", "8 must be at most 4"],
    ["models[0].evaluate.accelerator", "missing; 1 GPUs need a key of modelcar:accelerators"],
  ),
  combined(
    "alone",
    "a plain Deployment of many replicas",
    (config) => {
      delete config.models[0].package;
      config.models[0].source = { uri: oci };
      Object.assign(config.models[0].serve, { mode: "deployment", cache: { size: "1Gi" }, replicas: 2 });
    },
    ["models[0].serve.replicas", "2 must be 1 in mode deployment"],
  ),
  combined(
    "alone",
    "ORAS without its image",
    (config) => {
      delete config.models[0].package;
      delete config.images.oras;
      config.models[0].source = { uri: oci };
      Object.assign(config.models[0].serve, { mode: "deployment", cache: { size: "1Gi", fetch: "oras" } });
    },
    ["images.oras", "serve.cache.fetch: oras needs this image"],
  ),
  combined(
    "alone",
    "autoscaling beside replicas, upside down",
    (config) =>
      Object.assign(config.models[0].serve, {
        replicas: 2,
        autoscaling: { minReplicas: 3, maxReplicas: 2, prometheus: "http://prometheus:9090" },
      }),
    ["models[0].serve.replicas", "must be omitted with serve.autoscaling"],
    ["models[0].serve.autoscaling.minReplicas", "3 must be at most maxReplicas, 2"],
  ),
  combined(
    "alone",
    "a model image behind KServe in a restricted namespace",
    (config) => set(config, "models[1].source.uri", oci),
    ["project.podSecurity", "must be baseline for models[1]"],
  ),
  combined(
    "dev",
    "tokens behind an Ingress",
    (config) => set(config, "endpoint", { exposure: "ingress", domain: "apps.example.com" }),
    ["endpoint.exposure", '"ingress" must be route or none for models[0]'],
    ["endpoint.exposure", '"ingress" must be route or none'],
  ),
  combined(
    "dev",
    "mistakes in every corner",
    (config) => {
      config.platform = "nomad";
      config.platformVersion = "latest";
      config.namespace = "Private AI";
      config.kubeContext = "";
      config.objectStore.bucket = "LLM";
      config.storage.size = "much";
      config.pipelines.timeoutMinutes = 0;
      config.models[0].source.revision = "main";
      config.models[0].serve.cpu = 6;
      config.models[1].serve.accelerator = "h100";
      config.models[1].serve.vllmArgs = ["--port=1"];
    },
    ["platform", "one of"],
    ["platformVersion", "a version"],
    ["namespace", dnsLabel],
    ["kubeContext", "missing"],
    ["objectStore.bucket", "an S3 bucket name"],
    ["storage.size", quantity],
    ["pipelines.timeoutMinutes", "a whole number"],
    ["models[0].source.revision", "40 hex digits"],
    ["models[0].serve.cpu", quantity],
    ["models[1].serve.accelerator", "must be a key of"],
    ["models[1].serve.vllmArgs[0]", "must be omitted"],
  ),
];

const goodValues: Case[] = [
  combined("alone", "the committed stack local", () => {}),
  combined("dev", "the committed stack dev, completed", () => {}),
  ...good("alone", "platformVersion", "0.15", "0.16.0", "0.20"),
  ...good("dev", "platformVersion", "2.25", "3.0", "3.3", "3.10"),
  ...good("alone", "namespace", "a", "my-project", "a".repeat(31), "0day"),
  ...good("alone", "project", { existing: true }, { declareQuota: false }, { networkPolicies: false }),
  ...good("alone", "project.quota", { "requests.cpu": "64", "requests.nvidia.com/gpu": "8", pods: "50" }),
  ...good("alone", "project.limits", { max: { memory: "128Gi" } }, { min: { cpu: "10m", memory: "15Mi" } }),
  ...good("alone", "huggingFace.endpoint", "https://hub.example.com/", "http://hub:8080/path"),
  ...good("alone", "objectStore.storageClass", "gp3-csi"),
  ...good("alone", "objectStore.console", false),
  ...good("alone", "registry", { kind: "own" }, { kind: "url", url: "https://registry.example.com/" }),
  ...good("dev", "registry", { kind: "existing" }, { kind: "own", storage: "10Gi", retain: true }),
  ...good("dev", "imageRegistry.server", "registry.example.com:5000"),
  ...good(
    "alone",
    "storage",
    {},
    { size: "1Ti", storageClass: "efs", accessMode: "ReadWriteMany", retain: true },
  ),
  ...good("alone", "pipelines", {}, { timeoutMinutes: 10_080 }),
  ...good("alone", "deploymentMode", "Standard", "RawDeployment"),
  ...good("alone", "endpoint", {
    exposure: "ingress",
    domain: "apps.example.com",
    ingressClass: "nginx",
    tlsSecret: "tls",
  }),
  ...good("alone", "endpoint", {
    exposure: "gateway",
    domain: "models.example.com",
    gateway: { name: "public", namespace: "gateways" },
  }),
  ...good("dev", "endpoint", { exposure: "none" }, { exposure: "route", timeoutSeconds: 3600, mesh: true }),
  ...good("alone", "monitoring", { serviceMonitor: true }),
  ...good("alone", "models[0].name", "a", "a".repeat(37), "granite-3-1-2b"),
  ...good("alone", "models[0].source.allowPatterns", undefined, ["*"], ["nested/*.safetensors", "*.json"]),
  ...good("alone", "models[1].source.uri", "pvc://some-claim/", "s3://llm-models/x/"),
  ...good("alone", "models[0].package", undefined, { kind: "pvc", claim: "sums-pvc", size: "1Gi" }),
  ...good("alone", "models[0].serve.cpu", "500m", "1.5"),
  ...good("alone", "models[0].serve.cpuLimit", undefined, "4"),
  ...good("alone", "models[0].serve.ephemeralStorage", "1Gi"),
  ...good("alone", "models[0].serve.maxNumSeqs", undefined, 1),
  ...good("alone", "models[0].serve.vllmArgs", ["--enable-prefix-caching", "--seed=1"]),
  ...good("alone", "models[0].serve.rollout", undefined, "RollingUpdate"),
  ...good("alone", "models[0].serve.replicas", 2),
  ...good("alone", "models[0].serve.auth", true),
  ...good("alone", "models[0].serve.stopped", true),
  ...good("alone", "models[0].serve.hourlyUsd", undefined, 0.5),
  ...good("local", "models[3].serve.stopped", true),
  ...good("local", "models[3].test.evaluate.gate", undefined, {}, { recoveryByTask: { sums: 0.9 } }),
  ...good("local", "models[3].test.evaluate.applyChatTemplate", false),
  ...good("local", "models[3].test.benchmark.gate", undefined, { itlMsP95: 100, outputTokensPerSecond: 1 }),
  ...good("dev", "accelerators.l4.memoryBandwidth", 300),
  ...good("local", "images.buildah", `quay.io/buildah/stable@sha256:${digest}`),
  ...good("dev", "monitoring", { alerts: true, dashboard: "openshiftConsole" }),
  ...good("local", "monitoring", {
    serviceMonitor: true,
    alerts: true,
    labels: { release: "kube-prometheus-stack" },
    dashboard: "configMap",
    dashboardNamespace: "private-ai-demo",
  }),
  ...good("local", "monitoring", { alerts: true, dashboard: "grafanaOperator" }),
  combined("dev", "two models compared, with gates, as examples/two-mistral-models says", (config) => {
    const readme = readFileSync("examples/two-mistral-models/README.md", "utf8");
    const [full, quantized] = (/```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? "")
      .split(/^# of .*\n/m)
      .slice(1);
    config.models[0].test = parse(quantized ?? "").test;
    config.models[1].test = parse(full ?? "").test;
  }),
  combined("local", "gates without a base", (config) => {
    delete config.models[3].test.base;
    delete config.models[3].test.evaluate.gate;
  }),
  ...good("alone", "models[0].serve.autoscaling", {
    maxReplicas: 3,
    prometheus: "http://prometheus.monitoring.svc:9090",
  }),
  combined("alone", "a chat UI", (config) => {
    config.chat = { model: "sums", storage: "1Gi", retain: true };
  }),
  combined("dev", "a chat UI behind a Route, before a model that asks for a token", (config) => {
    config.chat = { model: "mistral-24b-quantized" };
  }),
  combined("alone", "compressed, evaluated, packaged as an image, served, tested", packed),
  combined("dev", "the same on GPUs, on OpenShift", (config) => {
    packed(config);
    delete config.project;
    const { compress, evaluate } = config.models[0];
    Object.assign(compress, { accelerator: "l4", gpus: 4, cpu: "16", memory: "96Gi" });
    Object.assign(evaluate, {
      accelerator: "l4",
      gpus: 1,
      runGeneratedCode: true,
      tasks: ["humaneval", "mbpp"],
    });
  }),
  combined("alone", "a packaged model served by a plain Deployment", (config) => {
    packed(config);
    delete config.project;
    Object.assign(config.models[0].serve, { mode: "deployment", cache: { size: "1Gi" } });
  }),
  combined("alone", "a registry of images without a login", (config) =>
    set(config, "imageRegistry", { server: "registry.example.com:5000", plainHttp: true }),
  ),
  combined("alone", "a model image behind KServe", (config) => {
    config.project = { podSecurity: "baseline" };
    config.models[1].source = { uri: oci };
  }),
  combined("alone", "MinIO with keys of the user's", (config) => {
    config.objectStoreAccessKey = "access";
    config.objectStoreSecretKey = "secret-key";
  }),
  combined("alone", "any S3", (config) => {
    config.objectStore = {
      endpoint: "https://s3.eu-central-1.amazonaws.com",
      bucket: "llm-models",
      region: "eu-central-1",
    };
    config.objectStoreAccessKey = config.objectStoreSecretKey = "k";
    delete config.images.minio;
  }),
  combined("alone", "a token for the registry", (config) => {
    config.registry = { kind: "url", url: "http://registry.example.com", auth: "token" };
    config.modelRegistryToken = "t";
  }),
  combined("alone", "a token for the hub", (config) => set(config, "hfToken", "hf_x")),
  combined("alone", "a model image served by a plain Deployment", (config) => {
    delete config.models[0].package;
    config.models[0].source = { uri: oci };
    Object.assign(config.models[0].serve, { mode: "deployment", cache: { size: "1Gi" } });
  }),
  combined("dev", "an artefact that ORAS pulls", (config) => {
    delete config.models[0].package;
    config.models[0].source = { uri: oci };
    Object.assign(config.models[0].serve, { mode: "deployment", cache: { size: "20Gi", fetch: "oras" } });
  }),
];

/** What sizing finds before anything is created. */
const sizes: Case[] = [
  combined(
    "dev",
    "a third model on GPUs, which the quota refuses",
    (config) => {
      config.project = { quota: { "requests.nvidia.com/gpu": "5" } };
      config.models.push({ ...config.models[0], name: "mistral-24b-third" });
    },
    [
      'project.quota["requests.nvidia.com/gpu"]',
      '"5" must be at least 6: mistral-24b-quantized 1 + mistral-24b 4 + mistral-24b-third 1',
    ],
  ),
  combined(
    "dev",
    "24 billion parameters in 16 bits on one L4",
    (config) => {
      config.models[1].serve.gpus = 1;
      delete config.models[1].serve.ephemeralStorage;
    },
    ["models[1].serve.gpus", "1 is not enough for mistral-24b, 4 would: on each GPU 20.2 GiB"],
  ),
  combined("dev", "32 heads on 3 GPUs", (config) => set(config, "models[1].serve.gpus", 3), [
    "models[1].serve.gpus",
    "3 must be 1, 2 or 4: 32 attention heads cannot be distributed evenly over 3 GPUs",
  ]),
  combined(
    "dev",
    "more tokens than memory is left for",
    (config) => set(config, "models[0].serve.maxModelLen", 131_072),
    ["models[0].serve.maxModelLen", "131072 must be at most 38416, or modelcar:models[0].serve.gpus 2"],
  ),
  combined(
    "dev",
    "more memory than the instance has",
    (config) => set(config, "models[1].serve.memory", "192Gi"),
    [
      "models[1].serve.memory",
      '"192Gi" must be at most 181.2 GiB: the pod requests 192.1 GiB of the 181.3 GiB that a g6.12xlarge has',
    ],
  ),
  combined(
    "dev",
    "the quota of the seeds, which is too small for their own models",
    (config) =>
      set(config, "project.quota", {
        "requests.cpu": "8",
        "requests.memory": "64Gi",
        "limits.cpu": "16",
        "limits.memory": "128Gi",
        "requests.nvidia.com/gpu": "4",
      }),
    ['project.quota["requests.cpu"]', '"8" must be at least 24750m: mistral-24b-quantized 6100m + '],
    ['project.quota["requests.memory"]', '"64Gi" must be at least'],
    ['project.quota["limits.cpu"]', '"16" must be at least'],
    ['project.quota["requests.nvidia.com/gpu"]', '"4" must be at least 5'],
  ),
  combined(
    "dev",
    "a LimitRange below a model's memory",
    (config) => set(config, "project.limits", { max: { memory: "48Gi" } }),
    ["project.limits.max.memory", '"48Gi" must be at least 80Gi, the limit of mistral-24b'],
  ),
];

export const badCases: readonly Case[] = [...badValues, ...decided, ...contradictions, ...sizes];
export const goodCases: readonly Case[] = goodValues;
