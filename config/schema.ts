/** The config key by key: form, default, meaning. What several keys decide together is in cross-checks.ts. */
import { z } from "zod";
import {
  boolean,
  bucket,
  bytes,
  choice,
  cidr,
  cpu,
  dnsLabel,
  dnsName,
  image,
  integer,
  kinds,
  list,
  nonEmpty,
  number,
  record,
  text,
  url,
  version,
  withOrWithout,
} from "./fields.ts";
import { model } from "./model.ts";
import { accessMode, volume } from "./volume.ts";

const bounds = z.strictObject({ cpu: cpu.optional(), memory: bytes.optional() });

const project = z.strictObject({
  /**
   * The namespace is there already, and stays when the stack is destroyed. Do not set it for a namespace that this stack
   * has made: the stack would let go of it, and that deletes it with all that is in it.
   */
  existing: boolean.default(false),
  /** Declare the ResourceQuota and LimitRange. False where the platform's team owns them; `quota` and `limits` then say what they hold. */
  declareQuota: boolean.default(true),
  /** Entries of ResourceQuota.spec.hard in place of the computed ones. */
  quota: record(
    text(
      /^\d+(\.\d+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/,
      'a Kubernetes quantity as a text, such as "4" or "64Gi"',
    ),
    "quantities by resource",
  ).default({}),
  /** Largest and smallest container that the LimitRange lets in. Default: no bounds. */
  limits: z.strictObject({ max: bounds.optional(), min: bounds.optional() }).default({}),
  /**
   * Level of the Pod Security Standards that admission enforces. Not for a namespace that exists. On Kubernetes baseline is
   * needed for oci:// models behind KServe, and where Tekton's set-security-context or a security context in KServe's
   * ClusterStorageContainer is not set; OpenShift sets what these containers leave out.
   */
  podSecurity: choice("restricted", "baseline").default("restricted"),
  networkPolicies: boolean.default(true),
  /** Private networks (CIDRs) in which hub, object store or registries outside the cluster answer. */
  privateNetworks: list(cidr, "address ranges").default([]),
  /**
   * Addresses of the API server (CIDRs): the program asks models through it, and some jobs call it. Not needed on OpenShift,
   * nor on a cluster of one node.
   */
  apiServer: list(cidr, "address ranges").default([]),
});

const ownObjectStore = z.strictObject({
  namespace: dnsLabel().default("model-storage"),
  bucket: bucket.default("llm-models"),
  storage: bytes.default("100Gi"),
  ...volume,
  region: nonEmpty.default("us-east-1"),
  /** MinIO's web console. */
  console: boolean.default(true),
});
const existingObjectStore = z.strictObject({
  endpoint: url,
  bucket: bucket.default("llm-models"),
  region: nonEmpty.default("us-east-1"),
});

const registry = kinds(
  [
    z.strictObject({ kind: z.literal("url"), url, auth: choice("none", "token").default("none") }),
    z.strictObject({
      kind: z.literal("existing"),
      name: dnsLabel().default("private-ai-model-registry"),
      namespace: dnsLabel().default("rhoai-model-registries"),
      auth: choice("none", "serviceAccount").default("serviceAccount"),
    }),
    z.strictObject({
      kind: z.literal("own"),
      name: dnsLabel().default("private-ai-model-registry"),
      /** Default: on OpenShift rhoai-model-registries, which must exist; on Kubernetes model-registry, which is made. */
      namespace: dnsLabel().optional(),
      storage: bytes.default("5Gi"),
      ...volume,
    }),
  ],
  "url",
  "existing",
  "own",
);

const servingRuntime = z.strictObject({
  /** Arguments for every model. */
  args: list(nonEmpty, "vLLM arguments").default([]),
  env: record(z.string({ error: "a text (quote numbers)" }), "variables: NAME: text").default({}),
  /** How long a model may take to load before its pod is started again. */
  startupMinutes: integer(1, 240).default(30),
});

const endpoint = z.strictObject({
  /** How models are reached from outside the cluster. */
  exposure: choice("none", "route", "ingress", "gateway").default("none"),
  /** Models answer at <model>-<namespace>.<domain>. Not for routes, whose domain is the cluster's. */
  domain: dnsName.optional(),
  ingressClass: nonEmpty.optional(),
  /** The Gateway that routes are attached to. */
  gateway: z.strictObject({ name: dnsLabel(), namespace: dnsLabel() }).optional(),
  /** Secret with the certificate for the Ingress. */
  tlsSecret: dnsLabel().optional(),
  /** How long one answer may take. */
  timeoutSeconds: integer(1, 24 * 3600).default(600),
  /** The namespace is part of an Istio mesh. */
  mesh: boolean.default(false),
  /**
   * Namespaces whose pods may call the models, beside OpenShift's routers and monitoring. Behind an Ingress or a Gateway list
   * the controller's namespace; without any, everybody in the cluster may.
   */
  callers: list(dnsLabel(), "namespaces").default([]),
});

const accelerator = z.strictObject({
  /** Value of the node label nvidia.com/gpu.product. */
  gpuProduct: nonEmpty,
  /** Memory of one GPU as the driver reports it. */
  memory: bytes,
  /** Instance types with this GPU; a model goes to the smallest that holds it. */
  instances: record(
    z.strictObject({
      gpus: integer(1, 64),
      cpu,
      memory: bytes,
      /** Price of the instance in US dollars; nothing is reported without it. */
      hourlyUsd: number(0, 100_000).optional(),
    }),
    "instance types",
  ),
});

const keys = z.strictObject({
  platform: choice("openshift", "kubernetes"),
  /** OpenShift AI's version; on Kubernetes, KServe's. */
  platformVersion: version,
  namespace: dnsLabel(),
  kubeContext: nonEmpty,
  project: project.prefault({}),
  huggingFace: z.strictObject({ endpoint: url.default("https://huggingface.co") }).prefault({}),
  objectStore: withOrWithout("endpoint", existingObjectStore, ownObjectStore),
  registry,
  /** Where images are pushed to and pulled from. */
  imageRegistry: z
    .strictObject({
      server: text(/^[a-z0-9][-.a-z0-9]*(:\d+)?$/, "a registry's host, such as quay.io"),
      /** With the secret imageRegistryPassword. */
      username: nonEmpty.optional(),
      /** It speaks HTTP without TLS. */
      plainHttp: boolean.default(false),
    })
    .optional(),
  /** The volume that tasks hand models over on. */
  storage: z.strictObject({ size: bytes.default("100Gi"), accessMode, ...volume }).prefault({}),
  pipelines: z.strictObject({
    /** How long one run may take. */
    timeoutMinutes: integer(1, 7 * 24 * 60).default(240),
    /** How many more attempts one `up` makes after a failure. */
    retries: integer(0, 10).default(0),
    /** What Ctrl-C during `up` does to a run. Either way the next `up` picks it up. */
    onInterrupt: choice("continue", "cancel").default("continue"),
    /** What `destroy` does with finished runs and their logs. */
    history: choice("remove", "keep").default("remove"),
  }),
  /** Base URL of OpenShift's console, for links to the logs of runs. */
  consoleUrl: url.optional(),
  /** How KServe calls raw deployments here. Default: by `platformVersion`. */
  deploymentMode: choice("Standard", "RawDeployment").optional(),
  /** By name; models on GPUs share vllm-cuda, the others vllm-cpu. */
  servingRuntimes: z
    .strictObject({ "vllm-cuda": servingRuntime.prefault({}), "vllm-cpu": servingRuntime.prefault({}) })
    .prefault({}),
  endpoint: endpoint.prefault({}),
  monitoring: z
    .strictObject({
      /** A ServiceMonitor for the metrics of each model that OpenShift AI does not monitor itself, as it does behind KServe. */
      serviceMonitor: boolean.default(false),
    })
    .prefault({}),
  accelerators: record(accelerator, "accelerators by name"),
  images: z.strictObject({
    tasks: image,
    "vllm-cuda": image.optional(),
    "vllm-cpu": image.optional(),
    minio: image.optional(),
    modelRegistry: image.optional(),
    mariadb: image.optional(),
    oras: image.optional(),
    /** Of the tasks that run models. */
    compress: image.optional(),
    evaluate: image.optional(),
    guidellm: image.optional(),
    /** Below the models that are packaged as images. KServe needs sh, ls, ln and sleep in it. */
    modelcarBase: image.optional(),
    /** For `modelcar:chat`. On OpenShift one that runs as any user, such as anythingllm-workbench. */
    anythingllm: image.optional(),
  }),
  /** AnythingLLM as a chat UI before one of the models. */
  chat: z
    .strictObject({
      /** Name of one of `modelcar:models`. */
      model: nonEmpty,
      /** Of the volume for chats and documents. */
      storage: bytes.default("10Gi"),
      ...volume,
      /** Reachable from outside as `modelcar:endpoint` says. */
      exposed: boolean.default(true),
    })
    .optional(),
  models: list(model, "models").min(1, { error: "a list of at least one model" }),
});

/** Namespace of a registry of our own, by platform. */
export const registryNamespace = { openshift: "rhoai-model-registries", kubernetes: "model-registry" };

export const schema = keys.transform((config) => {
  const { registry, platform } = config;
  return registry.kind === "own"
    ? { ...config, registry: { ...registry, namespace: registry.namespace ?? registryNamespace[platform] } }
    : { ...config, registry };
});

/** Everything that the stack's config says, checked; quantities in canonical form, URLs without trailing slash. */
export type Config = z.output<typeof schema>;
/** One entry of `modelcar:models`. */
export type Model = Config["models"][number];

/** Top-level keys that must be set with `--secret`, and what they are. */
export const secrets = {
  hfToken: "the Hugging Face token for gated models",
  imageRegistryPassword: "the password for modelcar:imageRegistry",
  modelRegistryToken: "the token for modelcar:registry",
  objectStoreAccessKey: "the access key of the object store",
  objectStoreSecretKey: "the secret key of the object store",
} as const;
export type SecretName = keyof typeof secrets;
