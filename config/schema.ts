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
  labelValue,
  list,
  nonEmpty,
  number,
  record,
  registryHost,
  text,
  url,
  version,
  withOrWithout,
} from "./fields.ts";
import { model } from "./model.ts";
import { accessMode, volume } from "./volume.ts";

const bounds = z.strictObject({
  /** Cores of one container. Default: no bound. */
  cpu: cpu.optional(),
  /** Memory of one container. Default: no bound. */
  memory: bytes.optional(),
});

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
  limits: z
    .strictObject({
      /** Containers that ask for more are refused. */
      max: bounds.optional(),
      /** Containers that ask for less are refused. */
      min: bounds.optional(),
    })
    .default({}),
  /**
   * Level of the Pod Security Standards that admission enforces. Not for a namespace that exists. On Kubernetes baseline is
   * needed for oci:// models behind KServe, and where Tekton's set-security-context or a security context in KServe's
   * ClusterStorageContainer is not set; OpenShift sets what these containers leave out.
   */
  podSecurity: choice("restricted", "baseline").default("restricted"),
  /** Pods reach, and are reached by, what their work needs and nothing else. */
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
  /** Of the MinIO that this stack makes, apart from the models. */
  namespace: dnsLabel().default("model-storage"),
  /** Holds the models. */
  bucket: bucket.default("llm-models"),
  /** Size of MinIO's volume. */
  storage: bytes.default("100Gi"),
  ...volume,
  /** Name of the region that MinIO answers to. */
  region: nonEmpty.default("us-east-1"),
  /** MinIO's web console. */
  console: boolean.default(true),
});
const existingObjectStore = z.strictObject({
  /** Where an S3 API answers that is there already; without this key the stack makes a MinIO. */
  endpoint: url,
  /** Holds the models; it must exist. */
  bucket: bucket.default("llm-models"),
  /** What requests are signed for. */
  region: nonEmpty.default("us-east-1"),
});

const registry = kinds(
  [
    z.strictObject({
      /** url: any that answers; existing: a ModelRegistry of OpenShift AI; own: one that this stack makes. */
      kind: z.literal("url"),
      /** Where its REST API answers. */
      url,
      /** How callers prove who they are: token is the secret modelRegistryToken. */
      auth: choice("none", "token").default("none"),
    }),
    z.strictObject({
      kind: z.literal("existing"),
      /** Name of the ModelRegistry. */
      name: dnsLabel().default("private-ai-model-registry"),
      /** Where the ModelRegistry is. */
      namespace: dnsLabel().default("rhoai-model-registries"),
      /** serviceAccount: callers send the token of their service account. */
      auth: choice("none", "serviceAccount").default("serviceAccount"),
    }),
    z.strictObject({
      kind: z.literal("own"),
      /** Name of the registry and of its Service. */
      name: dnsLabel().default("private-ai-model-registry"),
      /** Where the registry runs. Default: on OpenShift rhoai-model-registries, which must exist; on Kubernetes model-registry, which is made. */
      namespace: dnsLabel().optional(),
      /** Size of the volume of its database. */
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
  /** Environment of vLLM. */
  env: record(z.string({ error: "a text (quote numbers)" }), "variables: NAME: text").default({}),
  /** How long a model may take to load before its pod is started again. */
  startupMinutes: integer(1, 240).default(30),
});

const endpoint = z.strictObject({
  /** How models are reached from outside the cluster; none keeps them inside. */
  exposure: choice("none", "route", "ingress", "gateway").default("none"),
  /** Models answer at <model>-<namespace>.<domain>. Not for routes, whose domain is the cluster's. */
  domain: dnsName.optional(),
  /** Controller that serves the Ingress. Default: the cluster's default class. */
  ingressClass: nonEmpty.optional(),
  /** The Gateway that HTTPRoutes are attached to; exposure gateway needs it. */
  gateway: z
    .strictObject({
      /** Name of the Gateway. */
      name: dnsLabel(),
      /** Where the Gateway is. */
      namespace: dnsLabel(),
    })
    .optional(),
  /** Secret with the certificate for the Ingress. Default: the controller's own certificate. */
  tlsSecret: dnsLabel().optional(),
  /** How long one answer may take before the proxy in front of the models gives up. */
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
  gpuProduct: labelValue.min(1, { error: "a label's value that is not empty" }),
  /** Memory of one GPU as the driver reports it. */
  memory: bytes,
  /** Memory bandwidth of one GPU in GB/s, as its data sheet says; without it no price of tokens is estimated. */
  memoryBandwidth: number(1, 1e6).optional(),
  /** Instance types with this GPU; a model goes to the smallest that holds it. */
  instances: record(
    z.strictObject({
      /** GPUs of one instance. */
      gpus: integer(1, 64),
      /** Cores of one instance. */
      cpu,
      /** Memory of one instance. */
      memory: bytes,
      /** Price of the instance in US dollars; nothing is reported without it. */
      hourlyUsd: number(0, 100_000).optional(),
    }),
    "instance types",
  ),
});

const thresholds = z.strictObject({
  /** Requests that wait in each copy's queue. Default: twice the model's `serve.autoscaling.target`, or 10 without it. */
  queuedRequests: integer(1, 1_000_000).optional(),
  /** Share of a copy's KV cache in use; beyond it, requests soon push each other out. */
  kvCacheUsage: number(0.01, 1).default(0.95),
  /** Preemptions for each finished request; at 0.1 a tenth of the work may be done twice. */
  preemptionsPerRequest: number(0, 1000).default(0.1),
  /**
   * Milliseconds to the first token, 95th percentile, queue included. Gates hold at the lightest load: set this for a model
   * that works near its limit. Default: the model's gate, or 2000 without one, beyond which readers of a chat think it failed.
   */
  ttftMsP95: number(1, 1e7).optional(),
  /**
   * Milliseconds between tokens, 95th percentile. Default: the model's gate, or 100 without one: ten tokens per second, about
   * as fast as people read.
   */
  itlMsP95: number(1, 1e7).optional(),
  /** Share of requests that end in HTTP 5xx, where these are five or more in 10 minutes. Default: the model's gate, or 0.05 without one. */
  errorRate: number(0, 1).optional(),
  /** Minutes without a ready copy, or without metrics; a large model that is replaced by Recreate loads for about as long. */
  notReadyMinutes: integer(1, 24 * 60).default(15),
});

const monitoring = z.strictObject({
  /** A ServiceMonitor for the metrics of each model that OpenShift AI does not monitor itself, as it does behind KServe. */
  serviceMonitor: boolean.default(false),
  /** A PrometheusRule for each model that is not stopped, with alerts on its queue, KV cache, latencies, errors and readiness. */
  alerts: boolean.default(false),
  /** Beyond which alerts fire. */
  thresholds: thresholds.prefault({}),
  /**
   * Labels of ServiceMonitors and PrometheusRules by which a Prometheus selects them, such as `release: kube-prometheus-stack`.
   * OpenShift's selects all, once monitoring for user-defined projects is on.
   */
  labels: record(labelValue, "labels").default({}),
  /**
   * A dashboard of the models, in Grafana or on OpenShift: a ConfigMap for Grafana's sidecar, a GrafanaDashboard for the
   * Grafana operator, or a ConfigMap in openshift-config-managed for OpenShift's console, which cluster administrators may make.
   */
  dashboard: choice("none", "configMap", "grafanaOperator", "openshiftConsole").default("none"),
  /** Where the dashboard's object goes. Default: `namespace`; for the console, openshift-config-managed. */
  dashboardNamespace: dnsLabel().optional(),
  /** Labels of the Grafana that the operator puts the dashboard into. */
  grafanaLabels: record(labelValue, "labels").default({ dashboards: "grafana" }),
});

const keys = z.strictObject({
  /** What the cluster is: OpenShift with OpenShift AI, or Kubernetes with KServe. */
  platform: choice("openshift", "kubernetes"),
  /** OpenShift AI's version; on Kubernetes, KServe's. */
  platformVersion: version,
  /** Where models and their pipelines run. */
  namespace: dnsLabel(),
  /** Context of the kubeconfig that leads to the cluster, by whatever name you have for it; whichever is current is never used. */
  kubeContext: nonEmpty,
  /** What the namespace allows. */
  project: project.prefault({}),
  /** The hub that models are pulled from. */
  huggingFace: z
    .strictObject({
      /** A mirror in place of the public hub. */
      endpoint: url.default("https://huggingface.co"),
    })
    .prefault({}),
  /** S3 storage of models: a MinIO of the stack's own, or any that exists. */
  objectStore: withOrWithout("endpoint", existingObjectStore, ownObjectStore),
  /** The Kubeflow model registry that lists what has been made. */
  registry,
  /** Where images are pushed to and pulled from. */
  imageRegistry: z
    .strictObject({
      /** Host, with its port where it is not the usual one. */
      server: registryHost(/^[a-z0-9][-.a-z0-9]*(:\d+)?$/, "a registry's host, such as quay.io"),
      /** With the secret imageRegistryPassword. */
      username: nonEmpty.optional(),
      /** It speaks HTTP without TLS. */
      plainHttp: boolean.default(false),
    })
    .optional(),
  /** The volume that tasks hand models over on. */
  storage: z
    .strictObject({
      /** Room for the models of all runs that are under way. */
      size: bytes.default("100Gi"),
      /** ReadWriteMany lets runs use it on several nodes at once. */
      accessMode,
      ...volume,
    })
    .prefault({}),
  /** How the Tekton runs of this stack are handled. */
  pipelines: z.strictObject({
    /** How long one task of a run may take; the run itself may take that for each of its tasks. */
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
  /** vLLM as models share it, one for those on GPUs and one for the others. */
  servingRuntimes: z
    .strictObject({
      /** Of models on GPUs. */
      "vllm-cuda": servingRuntime.prefault({}),
      /** Of models without GPUs. */
      "vllm-cpu": servingRuntime.prefault({}),
    })
    .prefault({}),
  /** The way into the models. */
  endpoint: endpoint.prefault({}),
  /** What is measured of the models while they are served, and who is told. */
  monitoring: monitoring.prefault({}),
  /** GPUs that the cluster has; models and tasks name the one that they need. */
  accelerators: record(accelerator, "accelerators by name"),
  /** Containers, none of which is built by the stack itself. */
  images: z.strictObject({
    /** Of the pipelines' own tasks, built from images/tasks. */
    tasks: image,
    /** vLLM of models on GPUs, which need it. */
    "vllm-cuda": image.optional(),
    /** vLLM of models without GPUs, which need it. */
    "vllm-cpu": image.optional(),
    /** Needed for an object store of the stack's own. */
    minio: image.optional(),
    /** Needed for a registry of kind own on Kubernetes. */
    modelRegistry: image.optional(),
    /** Database of a registry of kind own, which needs it; any image that takes the MYSQL_* variables. */
    mariadb: image.optional(),
    /** Needed for `serve.cache.fetch: oras`. */
    oras: image.optional(),
    /** Of the task that quantizes; package.kind: modelcar needs it. */
    compress: image.optional(),
    /** Of the task that asks lm-evaluation-harness; package.kind: modelcar and `test` need it. */
    evaluate: image.optional(),
    /** Of the task that measures speed; package.kind: modelcar and `test` need it. */
    guidellm: image.optional(),
    /** Of the task that compares models and makes the report; `test.base` and gates need it. */
    report: image.optional(),
    /** Buildah, of the Task build-runtime, which is declared with it. Needs `project.podSecurity: baseline`. */
    buildah: image.optional(),
    /** What images of models are built on; package.kind: modelcar needs it, and KServe needs sh, ls, ln and sleep in it. */
    modelcarBase: image.optional(),
    /** For `modelcar:chat`. On OpenShift one that runs as any user, such as anythingllm-workbench. */
    anythingllm: image.optional(),
  }),
  /** AnythingLLM as a chat UI before one of the models. */
  chat: z
    .strictObject({
      /** Name of one of `modelcar:models`. */
      model: nonEmpty,
      /** Size of the volume for chats and documents. */
      storage: bytes.default("10Gi"),
      ...volume,
      /** Reachable from outside as `modelcar:endpoint` says. */
      exposed: boolean.default(true),
    })
    .optional(),
  /** What this stack makes and serves. */
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
