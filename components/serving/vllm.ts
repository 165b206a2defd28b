/** vLLM's OpenAI server as a container: the same in a ServingRuntime and in a plain Deployment. */

import type { ServeSpec } from "../../config/vllm-arguments.ts";
import { anyUserEnv } from "../../rules/any-user.ts";
import { apiKey } from "../../rules/authentication.ts";
import { type Count, given, isAbove, paramOf, times } from "../../rules/given.ts";
import { restrictedContainer } from "../../rules/security.ts";
import { parseQuantity } from "../../sizing/quantity.ts";

/** The server's port, and the directory of the model's files. */
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
  /** How long a model may take to load before its container is restarted. */
  readonly startupMinutes: N;
}

/** What differs between the builds of vLLM. */
const builds = {
  "vllm-cuda": {
    args: [],
    // No network access: the model is on disk, and usage statistics are off.
    env: { HF_HUB_OFFLINE: "1", VLLM_NO_USAGE_STATS: "1" },
    readOnlyRootFilesystem: false,
  },
  "vllm-cpu": {
    // One worker in the server's engine process: there are no devices to distribute over.
    args: ["--distributed-executor-backend=uni"],
    env: {},
    readOnlyRootFilesystem: true,
  },
} as const;

/**
 * The container without a model's arguments, resources and files. `servedName` is the model name that requests must give.
 * The startup probe allows a model its whole time to load; the other probes start after it.
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
    // Requests still arrive until every node knows that this pod is terminating.
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

/** A model's environment variables. vLLM checks the key only under /v1, so no other path may be exposed. */
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

/** Labels of a model's pods, by which other objects select them. */
export function modelLabels(model: string) {
  return { "app.kubernetes.io/name": model, "app.kubernetes.io/component": "model-server" };
}

/** Threads: with more compute threads than requested cores, they spin and slow each other down. */
function wholeCores(cpu: string): string {
  const param = paramOf(cpu);
  if (param) return given(`whole_cores(${param})`);
  return String(Math.max(1, Math.floor(parseQuantity(cpu))));
}
