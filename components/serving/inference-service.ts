/** KServe's InferenceService of one model. */

import { modelArgs, type ServeSpec } from "../../config/vllm-arguments.ts";
import { predictorName } from "../../rules/addresses.ts";
import type { DeploymentMode } from "../../rules/deployment-mode.ts";
import type { Count } from "../../rules/given.ts";
import { accounts } from "../../rules/names.ts";
import { modelPod, type Platform } from "../../rules/security.ts";
import type { modelPlacement } from "../../sizing/placement.ts";
import { deploymentStrategy } from "./rollout.ts";
import { modelFormat } from "./runtime-manifest.ts";
import { modelEnv, modelLabels, modelResources, port } from "./vllm.ts";

/** Scales by load: a copy is added when more than `target` requests wait in the queue of each copy. */
export interface Autoscaling {
  /** At least 1: without a running copy there is no queue to scale up by. */
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly target: number;
  /** URL of the Prometheus that has vLLM's metrics. */
  readonly prometheus: string;
}

/**
 * `Text` is string, or an Output for values that a pipeline run provides. `N` is number, or {@link Count} for a run outside
 * Pulumi.
 */
export interface InferenceServiceSpec<Text = string, N extends Count = number> {
  readonly platform: Platform;
  readonly name: string;
  readonly namespace: string;
  /** Name of the ServingRuntime. */
  readonly runtime: string;
  readonly deploymentMode: DeploymentMode;
  /**
   * s3://bucket/prefix/, pvc://claim/path (mounted read-only) or oci://repository@sha256:… (a ModelCar). KServe's containers for a
   * ModelCar (10m CPU, 15Mi, which a LimitRange must allow) have no security context: OpenShift adds one, elsewhere the
   * namespace must not enforce a stricter Pod Security Standard than `baseline`.
   */
  readonly storageUri: Text;
  /** The model's entry in the registry. Default: none. */
  readonly registration?:
    | {
        /** Name of the registry. */
        readonly registry?: string | undefined;
        readonly registeredModelId: Text;
        readonly modelVersionId: Text;
      }
    | undefined;
  /** Node selector and tolerations of its pods. */
  readonly placement: Partial<ReturnType<typeof modelPlacement>>;
  /** Service account of its pods. Default: the stack's, which may read the object store. */
  readonly serviceAccount?: string | undefined;
  readonly serve: ServeSpec<N> & {
    readonly rollout: "RollingUpdate" | "Recreate";
    /** Number of copies without `autoscaling`. */
    readonly replicas: number;
    readonly autoscaling?: Autoscaling | undefined;
    /** Declared, but no pod runs. */
    readonly stopped: boolean;
  };
  /** Let OpenShift AI create a Route for it. */
  readonly route: boolean;
  /** Let OpenShift AI require a token from callers. */
  readonly tokenAuth: boolean;
  /** Secret with vLLM's API key. */
  readonly apiKeySecret?: string | undefined;
  /** Timeout of one answer. */
  readonly timeoutSeconds: number;
  /** Secrets of type dockerconfigjson, for the runtime's image and a ModelCar's. */
  readonly pullSecrets: readonly string[];
  /** Its pods are part of an Istio mesh. */
  readonly mesh: boolean;
}

/**
 * The InferenceService. It cannot set the progress deadline of a raw Deployment, which KServe 0.16 leaves at Kubernetes' 600 s
 * and restores after a manual change (only Knative reads `serving.knative.dev/progress-deadline`). While a model takes longer to
 * load, the status is false until the pod is ready; nothing is rolled back, so this misleads only people.
 */
export function inferenceService<Text, N extends Count = number>(spec: InferenceServiceSpec<Text, N>) {
  const { serve } = spec;
  const { minReplicas, maxReplicas } = serve.autoscaling ?? {
    minReplicas: serve.replicas,
    maxReplicas: serve.replicas,
  };
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: {
      name: spec.name,
      namespace: spec.namespace,
      annotations: annotations(spec),
      labels: labels(spec),
    },
    spec: {
      predictor: {
        serviceAccountName: spec.serviceAccount ?? accounts.serving,
        // OpenShift AI sets it to true where its proxy checks tokens.
        automountServiceAccountToken: false,
        minReplicas,
        maxReplicas,
        ...(serve.autoscaling ? { autoScaling: { metrics: [queueMetric(spec, serve.autoscaling)] } } : {}),
        deploymentStrategy: deploymentStrategy({ ...serve, replicas: minReplicas }),
        timeout: spec.timeoutSeconds,
        labels: { ...modelLabels(spec.name), ...(spec.mesh ? { "sidecar.istio.io/inject": "true" } : {}) },
        ...(spec.pullSecrets.length > 0
          ? { imagePullSecrets: spec.pullSecrets.map((name) => ({ name })) }
          : {}),
        securityContext: modelPod(spec.platform),
        ...spec.placement,
        model: {
          modelFormat,
          runtime: spec.runtime,
          storageUri: spec.storageUri,
          args: modelArgs(serve),
          ...optionalEnv(spec),
          resources: modelResources(serve),
        },
      },
    },
  };
}

function optionalEnv<Text>({ serve, apiKeySecret }: InferenceServiceSpec<Text, Count>) {
  const env = modelEnv(serve, apiKeySecret);
  return env.length > 0 ? { env } : {};
}

function annotations<Text>(spec: InferenceServiceSpec<Text, Count>): Record<string, string> {
  return {
    "serving.kserve.io/deploymentMode": spec.deploymentMode,
    // "none": minReplicas copies, without the HorizontalPodAutoscaler that KServe creates by default.
    "serving.kserve.io/autoscalerClass": spec.serve.autoscaling ? "keda" : "none",
    ...(spec.serve.stopped ? { "serving.kserve.io/stop": "true" } : {}),
    ...(spec.tokenAuth ? { "security.opendatahub.io/enable-auth": "true" } : {}),
    ...(spec.route ? { "haproxy.router.openshift.io/timeout": `${spec.timeoutSeconds}s` } : {}),
  };
}

const inRegistry = "modelregistry.opendatahub.io";
/** Label by which OpenShift AI's dashboard lists a model as a deployment from a registry. */
export const registryLabel = `${inRegistry}/name`;

function labels<Text>(spec: InferenceServiceSpec<Text, Count>): Record<string, string | Text> {
  const { registration } = spec;
  return {
    "opendatahub.io/dashboard": "true",
    ...visibility(spec),
    ...(registration?.registry ? { [registryLabel]: registration.registry } : {}),
    ...(registration
      ? {
          [`${inRegistry}/registered-model-id`]: registration.registeredModelId,
          [`${inRegistry}/model-version-id`]: registration.modelVersionId,
        }
      : {}),
  };
}

/**
 * OpenShift AI exposes only models with the label `exposed`. Elsewhere KServe creates an Ingress, named like the model and in
 * KServe's domain, unless the label is `cluster-local`; this program's Ingress has the same name and exposes only /v1.
 */
function visibility<Text>({ platform, route }: InferenceServiceSpec<Text, Count>): Record<string, string> {
  const label = "networking.kserve.io/visibility";
  if (platform === "kubernetes") return { [label]: "cluster-local" };
  return route ? { [label]: "exposed" } : {};
}

/** The length of vLLM's queue, for KEDA. For this metric OpenShift AI creates the named authentication for its Prometheus. */
function queueMetric<Text>(spec: InferenceServiceSpec<Text, Count>, { target, prometheus }: Autoscaling) {
  const { platform, namespace, name } = spec;
  const login = { authModes: "bearer", authenticationRef: { name: "inference-prometheus-auth" } };
  return {
    type: "External",
    external: {
      metric: {
        backend: "prometheus",
        serverAddress: prometheus,
        namespace,
        query: `sum(vllm:num_requests_waiting{namespace="${namespace}", model_name="${name}"})`,
      },
      target: { type: "Value", value: String(target) },
      ...(platform === "openshift" ? { authenticationRef: login } : {}),
    },
  };
}

/** The Service that KServe creates for a model (the Deployment has the same name), and its port without a proxy. */
export function predictorService(model: string) {
  return { name: predictorName(model), port: 80, targetPort: port.number } as const;
}
