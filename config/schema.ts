/** Type, default and meaning of each config key. Checks across keys are in cross-checks.ts. */
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
   * The namespace already exists, and stays when the stack is destroyed. Do not set it for a namespace that this stack has
   * created: the stack would no longer declare it, and so delete it with everything in it.
   */
  existing: boolean.default(false),
  /** Declare the ResourceQuota and LimitRange. False if the platform's team owns them; `quota` and `limits` then give their values. */
  declareQuota: boolean.default(true),
  /** Entries of ResourceQuota.spec.hard that replace the computed ones. */
  quota: record(
    text(
      /^\d+(\.\d+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/,
      'a Kubernetes quantity as a text, such as "4" or "64Gi"',
    ),
    "quantities by resource",
  ).default({}),
  /** Largest and smallest container that the LimitRange allows. Default: no bounds. */
  limits: z
    .strictObject({
      /** Containers with larger requests or limits are refused. */
      max: bounds.optional(),
      /** Containers with smaller requests are refused. */
      min: bounds.optional(),
    })
    .default({}),
  /**
   * Level of the Pod Security Standards that admission enforces. Ignored for an existing namespace. On Kubernetes baseline is
   * required for oci:// models with KServe, and if Tekton's set-security-context or a security context in KServe's
   * ClusterStorageContainer is not set; OpenShift sets what these containers omit.
   */
  podSecurity: choice("restricted", "baseline").default("restricted"),
  /** Network policies allow each pod only the connections that it needs. */
  networkPolicies: boolean.default(true),
  /** Private networks (CIDRs) of a hub, object store or registry outside the cluster. */
  privateNetworks: list(cidr, "address ranges").default([]),
  /**
   * Addresses of the API server (CIDRs): the program probes models through it, and some tasks call it. Not needed on OpenShift
   * or on a single-node cluster.
   */
  apiServer: list(cidr, "address ranges").default([]),
});

const ownObjectStore = z.strictObject({
  /** Namespace of the stack's MinIO, which differs from that of the models. */
  namespace: dnsLabel().default("model-storage"),
  /** Bucket for the models. */
  bucket: bucket.default("llm-models"),
  /** Size of MinIO's volume. */
  storage: bytes.default("100Gi"),
  ...volume,
  /** Region of MinIO. */
  region: nonEmpty.default("us-east-1"),
  /** MinIO's web console. */
  console: boolean.default(true),
});
const existingObjectStore = z.strictObject({
  /** URL of an existing S3 API; without this key the stack deploys MinIO. */
  endpoint: url,
  /** Bucket for the models; it must exist. */
  bucket: bucket.default("llm-models"),
  /** Region that requests are signed for. */
  region: nonEmpty.default("us-east-1"),
});

const registry = kinds(
  [
    z.strictObject({
      /** url: any registry, by its URL; existing: a ModelRegistry of OpenShift AI; own: one that this stack deploys. */
      kind: z.literal("url"),
      /** URL of its REST API. */
      url,
      /** How callers authenticate; token: with the secret modelRegistryToken. */
      auth: choice("none", "token").default("none"),
    }),
    z.strictObject({
      kind: z.literal("existing"),
      /** Name of the ModelRegistry. */
      name: dnsLabel().default("private-ai-model-registry"),
      /** Namespace of the ModelRegistry. */
      namespace: dnsLabel().default("rhoai-model-registries"),
      /** serviceAccount: callers send the token of their service account. */
      auth: choice("none", "serviceAccount").default("serviceAccount"),
    }),
    z.strictObject({
      kind: z.literal("own"),
      /** Name of the registry and of its Service. */
      name: dnsLabel().default("private-ai-model-registry"),
      /** Namespace of the registry. Default: on OpenShift rhoai-model-registries, which must exist; on Kubernetes model-registry, which is created. */
      namespace: dnsLabel().optional(),
      /** Size of its database's volume. */
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
  /** Environment variables of vLLM. */
  env: record(z.string({ error: "a text (quote numbers)" }), "variables: NAME: text").default({}),
  /** How long a model may take to load before its container is restarted. */
  startupMinutes: integer(1, 240).default(30),
});

const endpoint = z.strictObject({
  /** How models are exposed outside the cluster; none keeps them inside. */
  exposure: choice("none", "route", "ingress", "gateway").default("none"),
  /** Models answer at <model>-<namespace>.<domain>. Optional for routes, whose default is the cluster's domain. */
  domain: dnsName.optional(),
  /** Controller that serves the Ingress. Default: the cluster's default class. */
  ingressClass: nonEmpty.optional(),
  /** The Gateway that HTTPRoutes are attached to; required for exposure gateway. */
  gateway: z
    .strictObject({
      /** Name of the Gateway. */
      name: dnsLabel(),
      /** Namespace of the Gateway. */
      namespace: dnsLabel(),
    })
    .optional(),
  /** Secret with the certificate for the Ingress. Default: the controller's certificate. */
  tlsSecret: dnsLabel().optional(),
  /** How long one answer may take before the proxy in front of the models gives up. */
  timeoutSeconds: integer(1, 24 * 3600).default(600),
  /** The namespace is part of an Istio mesh. */
  mesh: boolean.default(false),
  /**
   * Namespaces whose pods may call the models, besides OpenShift's routers and monitoring. With an Ingress or a Gateway, list
   * the controller's namespace; if the list is empty, every pod in the cluster may call them.
   */
  callers: list(dnsLabel(), "namespaces").default([]),
});

const accelerator = z.strictObject({
  /** Value of the node label nvidia.com/gpu.product. */
  gpuProduct: labelValue.min(1, { error: "a label's value that is not empty" }),
  /** Memory of one GPU as the driver reports it. */
  memory: bytes,
  /** Memory bandwidth of one GPU in GB/s, from its data sheet; without it no token price is estimated. */
  memoryBandwidth: number(1, 1e6).optional(),
  /** Instance types with this GPU; a model is placed on the smallest one that fits. */
  instances: record(
    z.strictObject({
      /** GPUs of one instance. */
      gpus: integer(1, 64),
      /** Cores of one instance. */
      cpu,
      /** Memory of one instance. */
      memory: bytes,
      /** Price of the instance in US dollars per hour; without it no costs are reported. */
      hourlyUsd: number(0, 100_000).optional(),
    }),
    "instance types",
  ),
});

const thresholds = z.strictObject({
  /** Waiting requests in the queue of each copy. Default: twice the model's `serve.autoscaling.target`, or 10 without it. */
  queuedRequests: integer(1, 1_000_000).optional(),
  /** Share of a copy's KV cache in use; above it, requests are soon preempted. */
  kvCacheUsage: number(0.01, 1).default(0.95),
  /** Preemptions for each finished request; at 0.1 a tenth of the work may be done twice. */
  preemptionsPerRequest: number(0, 1000).default(0.1),
  /**
   * Milliseconds to the first token, 95th percentile, including the queue. Gates apply to the lightest load: set this for a model
   * that runs near its limit. Default: the model's gate, or 2000 without one, after which chat users assume a failure.
   */
  ttftMsP95: number(1, 1e7).optional(),
  /**
   * Milliseconds between tokens, 95th percentile. Default: the model's gate, or 100 without one: ten tokens per second, about
   * as fast as people read.
   */
  itlMsP95: number(1, 1e7).optional(),
  /** Share of requests that end with HTTP 5xx, if there are at least five in 10 minutes. Default: the model's gate, or 0.05 without one. */
  errorRate: number(0, 1).optional(),
  /** Minutes without a ready copy, or without metrics; a rollout of a large model with Recreate takes about as long. */
  notReadyMinutes: integer(1, 24 * 60).default(15),
});

const monitoring = z.strictObject({
  /** Declare a ServiceMonitor for each model, except those with mode kserve on OpenShift AI, which monitors them itself. */
  serviceMonitor: boolean.default(false),
  /** Declare a PrometheusRule for each running model, with alerts on its queue, KV cache, latencies, errors and readiness. */
  alerts: boolean.default(false),
  /** Values beyond which alerts fire. */
  thresholds: thresholds.prefault({}),
  /**
   * Labels of ServiceMonitors and PrometheusRules by which Prometheus selects them, such as `release: kube-prometheus-stack`.
   * OpenShift's Prometheus selects all if monitoring for user-defined projects is on.
   */
  labels: record(labelValue, "labels").default({}),
  /**
   * A dashboard of the models, in Grafana or on OpenShift: a ConfigMap for Grafana's sidecar, a GrafanaDashboard for the
   * Grafana operator, or a ConfigMap for OpenShift's console in openshift-config-managed, where cluster administrators may write.
   */
  dashboard: choice("none", "configMap", "grafanaOperator", "openshiftConsole").default("none"),
  /** Namespace of the dashboard's object. Default: `namespace`; for the console, openshift-config-managed. */
  dashboardNamespace: dnsLabel().optional(),
  /** Labels of the Grafana that the operator adds the dashboard to. */
  grafanaLabels: record(labelValue, "labels").default({ dashboards: "grafana" }),
});

const keys = z.strictObject({
  /** The cluster's platform: OpenShift with OpenShift AI, or Kubernetes with KServe. */
  platform: choice("openshift", "kubernetes"),
  /** OpenShift AI's version; on Kubernetes, KServe's. */
  platformVersion: version,
  /** Namespace of models and pipelines. */
  namespace: dnsLabel(),
  /** Context of the kubeconfig for the stack's cluster, by your own name for it; the current context is never used. */
  kubeContext: nonEmpty,
  /** Settings of the namespace: quota, limits, Pod Security and network policies. */
  project: project.prefault({}),
  /** The hub that models are pulled from. */
  huggingFace: z
    .strictObject({
      /** URL of the hub or of a mirror. */
      endpoint: url.default("https://huggingface.co"),
    })
    .prefault({}),
  /** S3 storage of models: the stack's own MinIO, or an existing one. */
  objectStore: withOrWithout("endpoint", existingObjectStore, ownObjectStore),
  /** The Kubeflow model registry that lists the imported models. */
  registry,
  /** Registry that images are pushed to and pulled from. */
  imageRegistry: z
    .strictObject({
      /** Host, with its port unless it is the default port. */
      server: registryHost(/^[a-z0-9][-.a-z0-9]*(:\d+)?$/, "a registry's host, such as quay.io"),
      /** User; the password is the secret imageRegistryPassword. */
      username: nonEmpty.optional(),
      /** The registry uses HTTP without TLS. */
      plainHttp: boolean.default(false),
    })
    .optional(),
  /** The volume that passes models between tasks. */
  storage: z
    .strictObject({
      /** Size of the volume; the models of all active runs must fit. */
      size: bytes.default("100Gi"),
      /** ReadWriteMany lets runs use it on several nodes at once. */
      accessMode,
      ...volume,
    })
    .prefault({}),
  /** Options of this stack's PipelineRuns. */
  pipelines: z.strictObject({
    /** Timeout of each task of a run; the run's timeout is the sum of its tasks'. */
    timeoutMinutes: integer(1, 7 * 24 * 60).default(240),
    /** Number of retries after a failure, within one `up`. */
    retries: integer(0, 10).default(0),
    /** What Ctrl-C during `up` does to a run. In both cases the next `up` resumes it. */
    onInterrupt: choice("continue", "cancel").default("continue"),
    /** What `destroy` does with finished runs and their logs. */
    history: choice("remove", "keep").default("remove"),
  }),
  /** Base URL of OpenShift's console, for links to the logs of runs. */
  consoleUrl: url.optional(),
  /** KServe's name for raw deployments. Default: by `platformVersion`. */
  deploymentMode: choice("Standard", "RawDeployment").optional(),
  /** Settings of vLLM that models share: one runtime for models on GPUs, one for the others. */
  servingRuntimes: z
    .strictObject({
      /** Runtime of models on GPUs. */
      "vllm-cuda": servingRuntime.prefault({}),
      /** Runtime of models without GPUs. */
      "vllm-cpu": servingRuntime.prefault({}),
    })
    .prefault({}),
  /** How models are reached, inside and outside the cluster. */
  endpoint: endpoint.prefault({}),
  /** Metrics, alerts and dashboard of the served models. */
  monitoring: monitoring.prefault({}),
  /** The cluster's types of GPUs; models and tasks refer to them by name. */
  accelerators: record(accelerator, "accelerators by name"),
  /** Container images; the stack builds none of them. */
  images: z.strictObject({
    /** Image of the pipelines' tasks, built from images/tasks. */
    tasks: image,
    /** vLLM for models on GPUs; required for them. */
    "vllm-cuda": image.optional(),
    /** vLLM for models without GPUs; required for them. */
    "vllm-cpu": image.optional(),
    /** Required for the stack's own object store. */
    minio: image.optional(),
    /** Required for a registry of kind own on Kubernetes. */
    modelRegistry: image.optional(),
    /** Database of a registry of kind own, required for it; any image that reads the MYSQL_* variables. */
    mariadb: image.optional(),
    /** Required for `serve.cache.fetch: oras`. */
    oras: image.optional(),
    /** Image of the task that quantizes models; required for package.kind: modelcar. */
    compress: image.optional(),
    /** Image of the task that runs lm-evaluation-harness; required for package.kind: modelcar and `test`. */
    evaluate: image.optional(),
    /** Image of the task that measures speed; required for package.kind: modelcar and `test`. */
    guidellm: image.optional(),
    /** Image of the task that compares models and writes the report; required for `test.base` and gates. */
    report: image.optional(),
    /** Buildah, for the Task build-runtime, which is only declared with it. Requires `project.podSecurity: baseline`. */
    buildah: image.optional(),
    /** Base image of ModelCars; required for package.kind: modelcar. KServe needs sh, ls, ln and sleep in it. */
    modelcarBase: image.optional(),
    /** Required for `modelcar:chat`. On OpenShift an image that runs as any user, such as anythingllm-workbench. */
    anythingllm: image.optional(),
  }),
  /** AnythingLLM as the chat UI of one of the models. */
  chat: z
    .strictObject({
      /** Name of one of `modelcar:models`. */
      model: nonEmpty,
      /** Size of the volume for chats and documents. */
      storage: bytes.default("10Gi"),
      ...volume,
      /** Whether it is reachable from outside, by `modelcar:endpoint`. */
      exposed: boolean.default(true),
    })
    .optional(),
  /** The models that this stack imports, tests and serves. */
  models: list(model, "models").min(1, { error: "a list of at least one model" }),
});

/** Default namespace of a registry of kind own, by platform. */
export const registryNamespace = { openshift: "rhoai-model-registries", kubernetes: "model-registry" };

export const schema = keys.transform((config) => {
  const { registry, platform } = config;
  return registry.kind === "own"
    ? { ...config, registry: { ...registry, namespace: registry.namespace ?? registryNamespace[platform] } }
    : { ...config, registry };
});

/** The stack's validated config; quantities in canonical form, URLs without trailing slash. */
export type Config = z.output<typeof schema>;
/** One entry of `modelcar:models`. */
export type Model = Config["models"][number];

/** Top-level keys that must be set with `--secret`, with their meaning. */
export const secrets = {
  hfToken: "the Hugging Face token for gated models",
  imageRegistryPassword: "the password for modelcar:imageRegistry",
  modelRegistryToken: "the token for modelcar:registry",
  objectStoreAccessKey: "the access key of the object store",
  objectStoreSecretKey: "the secret key of the object store",
} as const;
export type SecretName = keyof typeof secrets;
