/** What sizing needs to know about a stack, and the resulting pods and claims. The parsed config fits these types. */
import { authenticationOf } from "../rules/authentication.ts";
import { needsCandidate } from "../rules/candidate.ts";
import type { ContainerDemand, PodDemand, ServiceDemand, Workloads } from "./demand.ts";
import type { LimitBounds } from "./limit-range.ts";
import type { Architecture } from "./memory.ts";
import type { Accelerator } from "./placement.ts";
import {
  authProxy,
  chatInterface,
  meshProxy,
  modelcar,
  modelFetcher,
  storageInitializer,
} from "./platform-containers.ts";

/** An entry of modelcar:accelerators. */
export interface StackAccelerator extends Accelerator {
  /** Memory of one GPU as the driver reports it, as a Kubernetes quantity. */
  readonly memory: string;
  /** Memory bandwidth of one GPU in GB/s. */
  readonly memoryBandwidth?: number | undefined;
}

/** An entry of modelcar:models. */
export interface StackModel {
  readonly name: string;
  /** With `uri` for an existing model; otherwise a run imports it. */
  readonly source: { readonly uri?: string | undefined } | { readonly huggingFace: string };
  readonly package:
    | { readonly kind: "s3" }
    | { readonly kind: "modelcar" }
    | { readonly kind: "pvc"; readonly claim: string; readonly size: string; readonly accessMode: string };
  readonly architecture?: Architecture | undefined;
  readonly serve: StackServe;
  readonly test?: StackTest | undefined;
}

/** The tests of a model. */
export interface StackTest {
  readonly evaluate?: { readonly gate?: object | undefined } | undefined;
  readonly benchmark?:
    | { readonly promptTokens: number; readonly outputTokens: number; readonly gate?: object | undefined }
    | undefined;
}

export interface StackServe {
  readonly mode: "kserve" | "deployment";
  readonly accelerator?: string | undefined;
  readonly gpus: number;
  readonly cpu: string;
  readonly cpuLimit: string;
  readonly memory: string;
  readonly ephemeralStorage?: string | undefined;
  readonly maxModelLen: number;
  readonly gpuMemoryUtilization: number;
  readonly maxNumSeqs?: number | undefined;
  readonly vllmArgs: readonly string[];
  readonly rollout: "RollingUpdate" | "Recreate";
  readonly stopped: boolean;
  readonly hourlyUsd?: number | undefined;
  readonly replicas: number;
  readonly autoscaling?: { readonly minReplicas: number; readonly maxReplicas: number } | undefined;
  readonly auth: boolean;
  readonly cache?: { readonly size: string } | undefined;
}

export interface Stack {
  readonly platform: "openshift" | "kubernetes";
  readonly models: readonly StackModel[];
  readonly accelerators: Readonly<Record<string, StackAccelerator>>;
  readonly project: { readonly quota: Readonly<Record<string, string>>; readonly limits: LimitBounds };
  readonly endpoint: { readonly mesh: boolean };
  readonly servingRuntimes: Readonly<Record<"vllm-cuda" | "vllm-cpu", { readonly args: readonly string[] }>>;
  /** The volume that passes models between tasks. */
  readonly storage: { readonly size: string };
  /** The chat UI of a model. */
  readonly chat?: { readonly storage: string } | undefined;
  /** With an image of AnythingLLM, runs can also deploy a chat UI. */
  readonly images?: { readonly anythingllm?: string | undefined } | undefined;
}

/** Kind of storage that a model is served from. */
function storageOf({ source, package: packaging }: StackModel): string {
  const uri = "uri" in source ? source.uri : undefined;
  if (uri) return uri.slice(0, uri.indexOf(":"));
  return packaging.kind === "modelcar" ? "oci" : packaging.kind;
}

/** Whether a pipeline run imports the model. */
export function isImported({ source }: StackModel): boolean {
  return !("uri" in source && source.uri);
}

/** The pods that serve a model, with all containers that KServe, OpenShift AI and Istio add. */
export function serviceDemand(
  model: StackModel,
  { platform, endpoint }: Pick<Stack, "platform" | "endpoint">,
): ServiceDemand {
  const { serve, name } = model;
  const storage = storageOf(model);
  const when = (condition: boolean, container: ContainerDemand) => (condition ? [container] : []);
  const kserve = serve.mode === "kserve";
  return {
    name,
    cpu: serve.cpu,
    cpuLimit: serve.cpuLimit,
    memory: serve.memory,
    memoryLimit: serve.memory,
    ephemeralStorage: serve.ephemeralStorage,
    gpus: serve.gpus,
    rollout: serve.mode === "deployment" ? "Recreate" : serve.rollout,
    replicas: serve.replicas,
    autoscaling: serve.autoscaling,
    stopped: serve.stopped,
    initContainers: [
      ...when(kserve && storage === "s3", storageInitializer(platform)),
      ...when(!kserve, modelFetcher),
    ],
    sidecars: [
      ...when(kserve && storage === "oci", modelcar),
      ...when(authenticationOf(platform, model).kind === "platformToken", authProxy),
      ...when(endpoint.mesh, meshProxy),
    ],
  };
}

/**
 * Everything that may run in the stack's namespace at the same time, including the runs of all models. `tasksOf` returns the
 * task pods of a model's runs: none for a model without runs.
 */
export function workloadsOf<Model extends StackModel>(
  stack: Pick<Stack, "platform" | "endpoint" | "storage" | "chat" | "images"> & {
    readonly models: readonly Model[];
  },
  tasksOf: (model: Model) => readonly PodDemand[],
): Workloads {
  const { models } = stack;
  const packages = models.flatMap((model) =>
    isImported(model) && model.package.kind === "pvc" ? [model.package.size] : [],
  );
  const caches = models.flatMap(({ serve }) => (serve.cache ? [serve.cache.size] : []));
  // The default of deploy-anythingllm.
  const byRun = stack.images?.anythingllm ? { storage: "10Gi" } : undefined;
  const chats = [stack.chat ?? byRun].filter((chat) => chat !== undefined);
  const runs = models.map((model) => {
    const candidate = needsCandidate(model) ? serviceDemand(model, stack) : undefined;
    return { tasks: tasksOf(model), candidate };
  });
  return {
    services: [...models.map((model) => serviceDemand(model, stack)), ...chats.map(() => chatInterface)],
    runs: runs.filter(({ tasks }) => tasks.length > 0),
    claims: [stack.storage.size, ...packages, ...caches, ...chats.map(({ storage }) => storage)],
  };
}
