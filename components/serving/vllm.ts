/** vLLM's OpenAI server as a container: the same one behind a ServingRuntime of KServe and in a Deployment of our own. */

import type { ServeSpec } from "../../config/vllm-arguments.ts";
import { anyUserEnv } from "../../rules/any-user.ts";
import { apiKey } from "../../rules/authentication.ts";
import { type Count, given, isAbove, paramOf, times } from "../../rules/given.ts";
import { restrictedContainer } from "../../rules/security.ts";
import { parseQuantity } from "../../sizing/quantity.ts";

/** Where the server listens, and where it expects the model's files. */
export const port = { name: "http", number: 8080 } as const;
export const modelDirectory = "/mnt/models";

/** `N` is number, or {@link Count} for a run outside Pulumi. */
export interface RuntimeSpec<N extends Count = number> {
  readonly name: "vllm-cpu" | "vllm-cuda";
  readonly namespace: string;
  readonly image: string;
  /** Arguments for every model, after the fixed ones. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** How long a model may take to load before its container is started again. */
  readonly startupMinutes: N;
}

/** How long a new pod may take until its model answers: as much to fetch the model as to load it. */
export function secondsToServe({ startupMinutes }: Pick<RuntimeSpec, "startupMinutes">): number {
  return 2 * 60 * startupMinutes;
}

/** What differs between the builds of vLLM. */
const builds = {
  "vllm-cuda": {
    args: [],
    // Nothing is looked up outside: the model is on the disk, and nobody is told of its use.
    env: { HF_HUB_OFFLINE: "1", VLLM_NO_USAGE_STATS: "1" },
    readOnlyRootFilesystem: false,
  },
  "vllm-cpu": {
    // One worker in the server's own engine process: there are no devices to spread over.
    args: ["--distributed-executor-backend=uni"],
    env: {},
    readOnlyRootFilesystem: true,
  },
} as const;

/**
 * The container without what a model adds: its own arguments, resources and files. `servedName` is the name that requests
 * must say. The startup probe gives a model its whole time to load; the other two only start after it.
 */
export function vllmContainer<N extends Count>(runtime: RuntimeSpec<N>, name: string, servedName: string) {
  const build = builds[runtime.name];
  const probe = { httpGet: { path: "/health", port: port.number }, timeoutSeconds: 5 };
  const attemptsPerMinute = 12;
  return {
    name,
    image: runtime.image,
    command: ["python3", "-m", "vllm.entrypoints.openai.api_server"],
    args: [
      `--port=${port.number}`,
      `--model=${modelDirectory}`,
      `--served-model-name=${servedName}`,
      ...build.args,
      ...runtime.args,
    ],
    env: Object.entries({ ...anyUserEnv, ...build.env, ...runtime.env }).map(([name, value]) => ({
      name,
      value,
    })),
    ports: [{ name: port.name, containerPort: port.number, protocol: "TCP" }],
    startupProbe: {
      ...probe,
      periodSeconds: 60 / attemptsPerMinute,
      failureThreshold: times(runtime.startupMinutes, attemptsPerMinute),
    },
    readinessProbe: { ...probe, periodSeconds: 10 },
    livenessProbe: { ...probe, periodSeconds: 30, failureThreshold: 4 },
    // Requests still come until every node knows that this pod ends.
    lifecycle: { preStop: { exec: { command: ["sleep", "5"] } } },
    securityContext: { ...restrictedContainer, readOnlyRootFilesystem: build.readOnlyRootFilesystem },
    volumeMounts: [
      { name: "shm", mountPath: "/dev/shm" },
      { name: "tmp", mountPath: "/tmp" },
    ],
  };
}

/** Volumes of the container. Tensor parallelism passes tensors between its processes through shared memory. */
export const vllmVolumes = [
  { name: "shm", emptyDir: { medium: "Memory", sizeLimit: "2Gi" } },
  { name: "tmp", emptyDir: {} },
];

/** What a model adds to the server's environment. vLLM asks for the key under /v1 only, so no other path may be exposed. */
export function modelEnv(serve: ServeSpec<Count>, apiKeySecret?: string) {
  const threads = { name: "OMP_NUM_THREADS", value: wholeCores(serve.cpu) };
  const key = (name: string) => ({
    name: "VLLM_API_KEY",
    valueFrom: { secretKeyRef: { name, key: apiKey } },
  });
  return [...(isAbove(serve.gpus, 0) ? [] : [threads]), ...(apiKeySecret ? [key(apiKeySecret)] : [])];
}

/** Requests and limits. Without a CPU limit KServe's webhook would set its own default, one core. */
export function modelResources(serve: ServeSpec<Count>) {
  const both = {
    memory: serve.memory,
    ...(serve.ephemeralStorage ? { "ephemeral-storage": serve.ephemeralStorage } : {}),
    ...(isAbove(serve.gpus, 0) ? { "nvidia.com/gpu": String(serve.gpus) } : {}),
  };
  return { requests: { cpu: serve.cpu, ...both }, limits: { cpu: serve.cpuLimit, ...both } };
}

/** Labels of the pods of a model, by which other objects select them. */
export function modelLabels(model: string) {
  return { "app.kubernetes.io/name": model, "app.kubernetes.io/component": "model-server" };
}

/** Compute threads beyond the cores that a pod is sure of spin and slow each other down. */
function wholeCores(cpu: string): string {
  const param = paramOf(cpu);
  if (param) return given(`whole_cores(${param})`);
  return String(Math.max(1, Math.floor(parseQuantity(cpu))));
}
