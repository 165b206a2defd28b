/** The only reader of stack config: one typed, validated value, or every mistake at once. */
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { formatBytes, formatCpu, isQuantity, parseQuantity } from "./sizing/quantity.ts";

const project = "modelcar";

/** A string of one form; `allowed` completes the sentence "must be …". */
const text = (pattern: RegExp, allowed: string) =>
  z.string({ error: allowed }).regex(pattern, { error: allowed });
const integer = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};
const quantity = (format: (amount: number) => string, example: string) => {
  const allowed = `a Kubernetes quantity above zero, such as ${example}`;
  return z
    .string({ error: allowed })
    .refine((value) => isQuantity(value) && parseQuantity(value) > 0, { error: allowed })
    .transform((value) => format(parseQuantity(value)));
};
const choice = <const T extends readonly [string, ...string[]]>(...values: T) =>
  z.enum(values, { error: `one of: ${values.join(", ")}` });
const list = <T extends z.ZodType>(item: T, of: string) => z.array(item, { error: `a list of ${of}` });

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const dnsLabel = (max: number) => {
  const allowed = `at most ${max} lower-case letters, digits and hyphens, starting and ending with a letter or digit`;
  return text(new RegExp(`^${label}$`), allowed).max(max, { error: allowed });
};
const cpu = quantity(formatCpu, '"6" or "500m"');
const bytes = quantity(formatBytes, '"16Gi"');
const url = text(/^https?:\/\/[^\s/?#]+[^\s?#]*$/, "an http:// or https:// URL without query").transform(
  (value) => value.replace(/\/+$/, ""),
);
const image = text(
  /^[^\s@]+@sha256:[0-9a-f]{64}$/,
  "an image by digest: <repository>@sha256:<64 hex digits>",
);
const nonEmpty = text(/\S/, "a text that is not empty");

const model = z.strictObject({
  /** Name of the InferenceService; KServe and its webhooks take at most 53 characters. */
  name: text(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, kserveName()).max(53, { error: kserveName() }),
  source: z.strictObject({
    huggingFace: text(/^[\w.-]+\/[\w.-]+$/, "a Hugging Face repository: <owner>/<name>"),
    revision: text(/^[0-9a-f]{40}$/, "the full commit SHA (40 hex digits); a branch or tag can move"),
    /** Only matching files are pulled. Default: all. */
    allowPatterns: list(text(/^\S+$/, "a file pattern without spaces"), "file patterns").default(["*"]),
  }),
  package: z.strictObject({ kind: choice("s3") }).default({ kind: "s3" }),
  serve: z
    .strictObject({
      /** A key of `modelcar:accelerators`; needed as soon as `gpus` is above 0. */
      accelerator: nonEmpty.optional(),
      gpus: integer(0, 64).default(0),
      cpu,
      /** How much CPU a burst may take. Default: `cpu`. */
      cpuLimit: cpu.optional(),
      memory: bytes,
      maxModelLen: integer(1, 10_000_000),
      vllmArgs: list(nonEmpty, "vLLM arguments").default([]),
      /** How a changed model takes over; Recreate needs no room for a second copy. Default: Recreate on GPUs, else RollingUpdate. */
      rollout: choice("RollingUpdate", "Recreate").optional(),
    })
    .transform((serve) => ({
      ...serve,
      cpuLimit: serve.cpuLimit ?? serve.cpu,
      rollout: serve.rollout ?? (serve.gpus > 0 ? "Recreate" : "RollingUpdate"),
    })),
});

const schema = z.strictObject({
  platform: choice("openshift", "kubernetes"),
  namespace: dnsLabel(63),
  kubeContext: nonEmpty,
  huggingFace: z.strictObject({ endpoint: url.default("https://huggingface.co") }),
  registry: z.strictObject({ url }),
  objectStore: z.strictObject({
    namespace: dnsLabel(63).default("model-storage"),
    bucket: text(
      /^(?!.*\.\.)[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$/,
      "an S3 bucket name: 3 to 63 lower-case letters, digits, dots and hyphens",
    ).default("llm-models"),
    storage: bytes.default("100Gi"),
    region: nonEmpty.default("us-east-1"),
  }),
  pipelines: z.strictObject({
    /** Size of the volume that tasks hand models over on. */
    storage: bytes.default("100Gi"),
    /** Default: the cluster's default class. */
    storageClass: nonEmpty.optional(),
    /** How long one run may take. */
    timeoutMinutes: integer(1, 7 * 24 * 60).default(240),
  }),
  servingRuntime: z.strictObject({
    name: choice("vllm-cpu", "vllm-cuda"),
    /** How KServe calls raw deployments here: `RawDeployment` up to OpenShift AI 3.3, `Standard` from KServe 0.16. */
    deploymentMode: choice("Standard", "RawDeployment").default("Standard"),
    args: list(nonEmpty, "vLLM arguments").default([]),
    env: z
      .record(nonEmpty, z.string({ error: "a text (quote numbers)" }), { error: "variables: NAME: text" })
      .default({}),
    /** How long a model may take to load before its pod is started again. */
    startupMinutes: integer(1, 240).default(30),
  }),
  accelerators: z.record(
    nonEmpty,
    z.strictObject({
      /** Value of the node label nvidia.com/gpu.product. */
      gpuProduct: nonEmpty,
      /** Instance types with this GPU; a model goes to the smallest that holds it. */
      instances: z.record(nonEmpty, z.strictObject({ gpus: integer(1, 64) }), { error: "instance types" }),
    }),
    { error: "accelerators by name" },
  ),
  images: z.strictObject({ tasks: image, vllm: image, minio: image }),
  models: list(model, "models").min(1, { error: "a list of at least one model" }),
});

/** Everything that the stack's config says, checked; quantities in canonical form, URLs without trailing slash. */
export type Config = z.output<typeof schema>;
/** One entry of `modelcar:models`. */
export type Model = Config["models"][number];

/** Either the typed config, or one line for each mistake: key, value, what is allowed. */
export type ParseResult = { readonly config: Config } | { readonly errors: readonly string[] };

/** Checks raw config (the keys without `modelcar:`, values as parsed JSON). Pure. */
export function parseConfig(raw: Readonly<Record<string, unknown>>): ParseResult {
  const parsed = schema.safeParse(raw);
  const errors = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => describe(issue, raw)),
    ...crossChecks(raw),
  ];
  return parsed.success && errors.length === 0 ? { config: parsed.data } : { errors };
}

/**
 * The config of the selected stack and the Hugging Face token, if one is set.
 * Throws a RunError that lists every mistake; the CLI shows it without a stack trace.
 */
export function loadConfig(): Config & { readonly hfToken?: pulumi.Output<string> } {
  const { hfToken, ...raw } = rawConfig();
  const result = parseConfig(raw);
  if ("errors" in result) {
    const count = result.errors.length === 1 ? "1 mistake" : `${result.errors.length} mistakes`;
    throw new pulumi.RunError(
      `${count} in the config of stack ${pulumi.getStack()}:\n  ${result.errors.join("\n  ")}`,
    );
  }
  if (hfToken === undefined) return result.config;
  return { ...result.config, hfToken: new pulumi.Config(project).requireSecret("hfToken") };
}

/** Every `modelcar:` key that the stack sets, so that a misspelt key is seen too. */
function rawConfig(): Record<string, unknown> {
  const entries = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(`${project}:`));
  return Object.fromEntries(
    entries.map(([key, value]) => [key.slice(project.length + 1), parseValue(value)]),
  );
}

/** Pulumi hands objects and lists over as JSON text. */
function parseValue(value: string): unknown {
  if (!/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function kserveName(): string {
  return "at most 53 lower-case letters, digits and hyphens, starting with a letter (a KServe name)";
}

function describe(issue: z.core.$ZodIssue, raw: unknown): string[] {
  const path = keyPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map(
      (key) => `${keyPath([...issue.path, key])}: unknown key; check its spelling and its place`,
    );
  }
  const value = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    raw,
  );
  const allowed =
    issue.code === "invalid_type" && issue.expected === "object" ? "a set of keys" : issue.message;
  if (value === undefined || value === "") return [`${path}: missing; set it to ${allowed}`];
  return [`${path}: ${JSON.stringify(value)} must be ${allowed}`];
}

function keyPath(path: readonly PropertyKey[]): string {
  const joined = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return `${project}:${joined.replace(/^\./, "")}`;
}

/** What no single key can tell. Reads raw values, so that these mistakes show beside all others. */
function crossChecks(raw: Readonly<Record<string, unknown>>): string[] {
  const models = Array.isArray(raw.models) ? raw.models : [];
  const accelerators = (raw.accelerators ?? {}) as Record<
    string,
    { instances?: Record<string, { gpus?: number }> }
  >;
  const known = Object.keys(accelerators).join(", ") || "none yet";
  const errors: string[] = [];
  for (const [index, model] of models.entries()) {
    const first = models.findIndex((other) => other?.name !== undefined && other.name === model?.name);
    if (first >= 0 && first < index) {
      errors.push(
        `${keyPath(["models", index, "name"])}: "${model.name}" is the name of models[${first}] too`,
      );
    }
    const at = (key: string) => keyPath(["models", index, "serve", key]);
    const { gpus, accelerator } = model?.serve ?? {};
    if (Number.isInteger(gpus) && gpus > 0 && accelerator === undefined) {
      errors.push(
        `${at("accelerator")}: missing; ${gpus} GPUs need a key of ${project}:accelerators (${known})`,
      );
    }
    if (typeof accelerator !== "string") continue;
    const instances = accelerators[accelerator]?.instances;
    if (!instances) {
      errors.push(
        `${at("accelerator")}: "${accelerator}" must be a key of ${project}:accelerators (${known})`,
      );
      continue;
    }
    const largest = Math.max(0, ...Object.values(instances).map((instance) => instance?.gpus ?? 0));
    if (gpus > largest) {
      errors.push(
        `${at("gpus")}: ${gpus} must be at most ${largest}, the most that an instance with ${accelerator} has`,
      );
    }
  }
  if (
    raw.namespace !== undefined &&
    raw.namespace === (raw.objectStore as { namespace?: unknown } | undefined)?.namespace
  ) {
    errors.push(`${project}:objectStore.namespace: "${raw.namespace}" must differ from ${project}:namespace`);
  }
  return errors;
}
