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

/** Copies by load: one is added when more than `target` requests wait in each one's queue. */
export interface Autoscaling {
  /** At least 1: a copy that does not run has no queue, so nothing would start the first one. */
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly target: number;
  /** URL of the Prometheus that has vLLM's metrics. */
  readonly prometheus: string;
}

/**
 * `Text` is string, or in the program an Output where only a pipeline run can tell. `N` is number, or {@link Count} for a run
 * outside Pulumi.
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
   * ModelCar (10m CPU, 15Mi, which a LimitRange must let in) have no security settings: OpenShift adds them, elsewhere the
   * namespace may enforce no more than the Pod Security Standard `baseline`.
   */
  readonly storageUri: Text;
  /** Where the model stands in the registry. Default: it stands in none. */
  readonly registration?:
    | {
        /** Name of the registry. */
        readonly registry?: string | undefined;
        readonly registeredModelId: Text;
        readonly modelVersionId: Text;
      }
    | undefined;
  /** Which nodes its pods go to. */
  readonly placement: Partial<ReturnType<typeof modelPlacement>>;
  /** Account of its pods. Default: the stack's, which may read the object store. */
  readonly serviceAccount?: string | undefined;
  readonly serve: ServeSpec<N> & {
    readonly rollout: "RollingUpdate" | "Recreate";
    /** Copies, where `autoscaling` does not decide. */
    readonly replicas: number;
    readonly autoscaling?: Autoscaling | undefined;
    /** Declared, but no pod runs. */
    readonly stopped: boolean;
  };
  /** OpenShift AI is to make a Route for it. */
  readonly route: boolean;
  /** OpenShift AI is to ask callers for a token. */
  readonly tokenAuth: boolean;
  /** Secret with the key that vLLM itself asks callers for. */
  readonly apiKeySecret?: string | undefined;
  /** How long one answer may take. */
  readonly timeoutSeconds: number;
  /** Secrets of type dockerconfigjson, for the runtime's image and a ModelCar's. */
  readonly pullSecrets: readonly string[];
  /** Its pods are part of an Istio mesh. */
  readonly mesh: boolean;
}

/**
 * The InferenceService. What KServe does not let it say: a raw Deployment's progress deadline, which KServe 0.16 leaves at
 * Kubernetes' 600 s and puts back after a change by hand (`serving.knative.dev/progress-deadline` is read by Knative only). A
 * longer load makes the service's status false until the pod is ready; nothing is rolled back, so only a person is misled.
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
        // OpenShift AI sets it to true itself where its proxy has to check tokens.
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
    // "none": as many copies as minReplicas says, and no HorizontalPodAutoscaler, which KServe makes otherwise.
    "serving.kserve.io/autoscalerClass": spec.serve.autoscaling ? "keda" : "none",
    ...(spec.serve.stopped ? { "serving.kserve.io/stop": "true" } : {}),
    ...(spec.tokenAuth ? { "security.opendatahub.io/enable-auth": "true" } : {}),
    ...(spec.route ? { "haproxy.router.openshift.io/timeout": `${spec.timeoutSeconds}s` } : {}),
  };
}

const inRegistry = "modelregistry.opendatahub.io";
/** By which OpenShift AI's dashboard shows a model among those that are served of a registry. */
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
 * OpenShift AI exposes only what is labelled so. KServe elsewhere makes an Ingress of the model's name under a domain of its own
 * for all that is not labelled; ours has that name and says /v1 alone.
 */
function visibility<Text>({ platform, route }: InferenceServiceSpec<Text, Count>): Record<string, string> {
  const label = "networking.kserve.io/visibility";
  if (platform === "kubernetes") return { [label]: "cluster-local" };
  return route ? { [label]: "exposed" } : {};
}

/** The length of vLLM's queue, for KEDA. OpenShift AI makes the named login for its Prometheus when it sees this metric. */
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

/** The Service that KServe makes for a model, like its Deployment, and its port where no proxy is before it. */
export function predictorService(model: string) {
  return { name: predictorName(model), port: 80, targetPort: port.number } as const;
}
