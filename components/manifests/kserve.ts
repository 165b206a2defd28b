/** The parts of KServe's API that this program uses: one runtime shared by all models, one service for each model. */
import { type Accelerator, nodeSelectorFor } from "../../sizing/placement.ts";
import { parseQuantity } from "../../sizing/quantity.ts";
import { names } from "./project.ts";
import { type Platform, restrictedContainer, restrictedPod } from "./security.ts";

export type DeploymentMode = "Standard" | "RawDeployment";
const port = 8080;
const container = "kserve-container";

export interface RuntimeSpec {
  readonly name: "vllm-cpu" | "vllm-cuda";
  readonly namespace: string;
  readonly image: string;
  /** Arguments for every model, after the fixed ones. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** How long a model may take to load before its container is started again. */
  readonly startupMinutes: number;
}

/** What differs between the builds of vLLM. */
const builds = {
  "vllm-cuda": {
    displayName: "vLLM NVIDIA GPU ServingRuntime for KServe",
    args: [],
    env: { HOME: "/tmp", HF_HOME: "/tmp/hf_home" },
    readOnlyRootFilesystem: false,
  },
  "vllm-cpu": {
    displayName: "vLLM CPU ServingRuntime for KServe",
    // One worker in the server's own engine process: there are no devices to spread over.
    args: ["--distributed-executor-backend=uni"],
    env: {},
    readOnlyRootFilesystem: true,
  },
} as const;

/** The ServingRuntime. KServe appends each model's own arguments to `args`, and puts its name for `{{.Name}}`. */
export function servingRuntime(spec: RuntimeSpec) {
  const build = builds[spec.name];
  const env = { ...build.env, ...spec.env };
  const probe = { httpGet: { path: "/health", port }, timeoutSeconds: 5 };
  const period = 5;
  return {
    apiVersion: "serving.kserve.io/v1alpha1",
    kind: "ServingRuntime",
    metadata: {
      name: spec.name,
      namespace: spec.namespace,
      annotations: { "openshift.io/display-name": build.displayName },
      labels: { "opendatahub.io/dashboard": "true" },
    },
    spec: {
      annotations: {
        "opendatahub.io/kserve-runtime": "vllm",
        "prometheus.io/port": String(port),
        "prometheus.io/path": "/metrics",
      },
      multiModel: false,
      supportedModelFormats: [{ name: "vLLM", version: "1", autoSelect: true }],
      containers: [
        {
          name: container,
          image: spec.image,
          command: ["python3", "-m", "vllm.entrypoints.openai.api_server"],
          args: [
            `--port=${port}`,
            "--model=/mnt/models",
            "--served-model-name={{.Name}}",
            ...build.args,
            ...spec.args,
          ],
          env: Object.entries(env).map(([name, value]) => ({ name, value })),
          ports: [{ containerPort: port, protocol: "TCP" }],
          startupProbe: {
            ...probe,
            periodSeconds: period,
            failureThreshold: Math.ceil((spec.startupMinutes * 60) / period),
          },
          readinessProbe: { ...probe, periodSeconds: 10 },
          livenessProbe: { ...probe, periodSeconds: 30, failureThreshold: 4 },
          securityContext: { ...restrictedContainer, readOnlyRootFilesystem: build.readOnlyRootFilesystem },
          volumeMounts: [
            { name: "shm", mountPath: "/dev/shm" },
            { name: "tmp", mountPath: "/tmp" },
          ],
        },
      ],
      // Tensor parallelism passes tensors between its processes through shared memory.
      volumes: [
        { name: "shm", emptyDir: { medium: "Memory", sizeLimit: "2Gi" } },
        { name: "tmp", emptyDir: {} },
      ],
    },
  };
}

/** `Text` is string, or in the program an Output where only a pipeline run can tell. */
export interface ModelServiceSpec<Text = string> {
  readonly platform: Platform;
  readonly name: string;
  readonly namespace: string;
  readonly runtime: string;
  readonly deploymentMode: DeploymentMode;
  readonly storageUri: Text;
  readonly registeredModelId: Text;
  readonly modelVersionId: Text;
  /** GPUs that `serve.accelerator` can name. */
  readonly accelerators: Readonly<Record<string, Accelerator>>;
  readonly serve: {
    readonly accelerator?: string | undefined;
    readonly gpus: number;
    readonly cpu: string;
    readonly cpuLimit: string;
    readonly memory: string;
    readonly maxModelLen: number;
    readonly vllmArgs: readonly string[];
    readonly rollout: "RollingUpdate" | "Recreate";
  };
}

/** The InferenceService of one model. */
export function inferenceService<Text>(spec: ModelServiceSpec<Text>) {
  const { serve } = spec;
  const gpus = serve.gpus > 0 ? { "nvidia.com/gpu": String(serve.gpus) } : {};
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: {
      name: spec.name,
      namespace: spec.namespace,
      annotations: { "serving.kserve.io/deploymentMode": spec.deploymentMode },
      labels: {
        "opendatahub.io/dashboard": "true",
        "modelregistry.opendatahub.io/registered-model-id": spec.registeredModelId,
        "modelregistry.opendatahub.io/model-version-id": spec.modelVersionId,
      },
    },
    spec: {
      predictor: {
        serviceAccountName: names.servingAccount,
        automountServiceAccountToken: false,
        minReplicas: 1,
        maxReplicas: 1,
        deploymentStrategy:
          serve.rollout === "Recreate"
            ? { type: "Recreate" }
            : { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        securityContext: restrictedPod(spec.platform),
        ...gpuPlacement(spec),
        model: {
          modelFormat: { name: "vLLM", version: "1" },
          runtime: spec.runtime,
          storageUri: spec.storageUri,
          args: [
            `--max-model-len=${serve.maxModelLen}`,
            ...(serve.gpus > 1 ? [`--tensor-parallel-size=${serve.gpus}`] : []),
            ...serve.vllmArgs,
          ],
          ...(serve.gpus === 0 ? { env: [{ name: "OMP_NUM_THREADS", value: wholeCores(serve.cpu) }] } : {}),
          resources: {
            requests: { cpu: serve.cpu, memory: serve.memory, ...gpus },
            // Without a CPU limit KServe's webhook would set its own default, one core.
            limits: { cpu: serve.cpuLimit, memory: serve.memory, ...gpus },
          },
        },
      },
    },
  };
}

/** Which nodes a model on GPUs goes to; one without GPUs goes anywhere. */
function gpuPlacement({ serve, accelerators }: Pick<ModelServiceSpec, "serve" | "accelerators">) {
  if (serve.gpus === 0) return {};
  const accelerator = accelerators[serve.accelerator ?? ""];
  if (!accelerator) throw new Error(`no accelerator "${serve.accelerator}" for ${serve.gpus} GPUs`);
  return {
    nodeSelector: nodeSelectorFor(accelerator, serve.gpus),
    tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
  };
}

/** Compute threads beyond the cores that a pod is sure of spin and slow each other down. */
function wholeCores(cpu: string): string {
  return String(Math.max(1, Math.floor(parseQuantity(cpu))));
}

/** The Service that KServe makes for a model, and the port it listens on. */
export function predictorService(name: string): { readonly name: string; readonly port: number } {
  return { name: `${name}-predictor`, port: 80 };
}
