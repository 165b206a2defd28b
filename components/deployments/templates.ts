/**
 * Templates of what the Tasks deploy-model and deploy-anythingllm deploy in runs outside Pulumi: built by the program's own
 * builders with the stack's settings, and filled in by the task with its params (tasks/common/templates.py).
 */

import type { Config } from "../../config/config.ts";
import { isManagedByOpenShiftAi } from "../../rules/authentication.ts";
import { type Count, GivenNumber, given } from "../../rules/given.ts";
import { chatName } from "../../rules/names.ts";
import type { Platform } from "../../rules/security.ts";
import { onGpuNodes } from "../../sizing/placement.ts";
import {
  type ChatSpec,
  chatDeployment,
  chatMetadata,
  chatSecretKeys,
  chatService,
  chatVolumeClaim,
  exposedChat,
  storageDirectories,
} from "../chat/manifests.ts";
import { type Endpoint, route } from "../serving/endpoint.ts";
import { inferenceService } from "../serving/inference-service.ts";
import { servingRuntime } from "../serving/runtime-manifest.ts";
import type { RuntimeSpec } from "../serving/vllm.ts";

/** The settings of a stack that apply to all its deployments. */
export interface DeploymentSettings {
  readonly endpoint: Endpoint;
  readonly servingRuntimes: Config["servingRuntimes"];
  /** Share of each GPU's memory that vLLM may take. */
  readonly gpuMemoryUtilization: number;
}

/** A template, and the param values that select it. */
export interface Template {
  readonly when: Readonly<Record<string, string>>;
  /** In the order in which they are applied. */
  readonly objects: readonly object[];
}

/** Templates by the kind of deployment. */
export type Templates = Readonly<Record<"model" | "runtime" | "chat", readonly Template[]>>;

const namespace = given("NAMESPACE");
const platforms: readonly Platform[] = ["openshift", "kubernetes"];
const booleans = ["true", "false"] as const;
/** The cases in which the number of GPUs changes the manifest. */
const gpuCounts = {
  none: 0,
  one: 1,
  several: new GivenNumber("GPUS", 2),
} as const;

export function deploymentTemplates(settings: DeploymentSettings): Templates {
  return {
    model: platforms.flatMap((platform) =>
      Object.entries(gpuCounts).flatMap(([GPUS, gpus]) =>
        ways(platform).map(([EXPOSED, TOKEN_AUTH]) => ({
          when: { PLATFORM: platform, GPUS, EXPOSED, TOKEN_AUTH },
          objects: [model(settings, platform, gpus, EXPOSED === "true", TOKEN_AUTH === "true")],
        })),
      ),
    ),
    runtime: (["vllm-cpu", "vllm-cuda"] as const).map((build) => ({
      when: { BUILD: build },
      objects: [servingRuntime(runtime(settings, build), given("SERVICE_NAME"))],
    })),
    chat: platforms.flatMap((platform) =>
      booleans.map((HAS_KEY) => ({
        when: { PLATFORM: platform, HAS_KEY },
        objects: chat(settings, platform, HAS_KEY === "true"),
      })),
    ),
  };
}

/** Only OpenShift AI creates Routes for models and checks tokens. */
const ways = (platform: Platform) =>
  isManagedByOpenShiftAi(platform, { serve: { mode: "kserve", auth: true } })
    ? booleans.flatMap((exposed) => booleans.map((tokenAuth) => [exposed, tokenAuth] as const))
    : [["false", "false"] as const];

function model(
  settings: DeploymentSettings,
  platform: Platform,
  gpus: Count,
  isExposed: boolean,
  tokenAuth: boolean,
) {
  return inferenceService<string, Count>({
    platform,
    namespace,
    name: given("SERVICE_NAME"),
    runtime: given("SERVING_RUNTIME"),
    deploymentMode: given("DEPLOYMENT_MODE") as "Standard",
    storageUri: given("STORAGE_URI"),
    placement: gpus === 0 ? {} : onGpuNodes({ "nvidia.com/gpu.product": given("GPU_PRODUCT") }),
    serviceAccount: given("MODEL_SERVICE_ACCOUNT"),
    serve: {
      gpus,
      cpu: given("CPU"),
      cpuLimit: given("CPU"),
      memory: given("MEMORY"),
      maxModelLen: new GivenNumber("MAX_MODEL_LEN"),
      gpuMemoryUtilization: settings.gpuMemoryUtilization,
      vllmArgs: [given("VLLM_ARGS")],
      // A second pod would wait for GPUs that the first one holds.
      rollout: gpus === 0 ? "RollingUpdate" : "Recreate",
      replicas: 1,
      stopped: false,
    },
    route: isExposed,
    tokenAuth,
    timeoutSeconds: settings.endpoint.timeoutSeconds,
    pullSecrets: [given("PULL_SECRET")],
    mesh: settings.endpoint.mesh,
  });
}

/** A model's own runtime, with the image given to the run. */
function runtime({ servingRuntimes }: DeploymentSettings, name: RuntimeSpec["name"]): RuntimeSpec<Count> {
  return {
    ...servingRuntimes[name],
    name,
    namespace,
    image: given("RUNTIME_IMAGE"),
    startupMinutes: new GivenNumber("STARTUP_MINUTES"),
  };
}

function chat({ endpoint }: DeploymentSettings, platform: Platform, hasKey: boolean): object[] {
  const spec: ChatSpec<string, Count> = {
    platform,
    namespace,
    name: given("CHAT_NAME", chatName),
    image: given("ANYTHINGLLM_IMAGE"),
    model: {
      name: given("MODEL_NAME"),
      apiUrl: `${given("ENDPOINT_URL")}/v1`,
      maxModelLen: new GivenNumber("MAX_MODEL_LEN"),
    },
    apiKeySecret: hasKey
      ? { name: given("API_KEY_SECRET"), key: given("API_KEY_SECRET_KEY", "api-key") }
      : undefined,
    storage: given("STORAGE"),
    storageClass: given("STORAGE_CLASS"),
    storageDirectory: given("STORAGE_DIRECTORY", storageDirectories[platform]),
    pullSecrets: [given("PULL_SECRET")],
  };
  const passwords = Object.fromEntries(chatSecretKeys.map((key) => [key, given("random_secret()")]));
  return [
    { apiVersion: "v1", kind: "Secret", metadata: chatMetadata(spec), type: "Opaque", stringData: passwords },
    { apiVersion: "v1", kind: "PersistentVolumeClaim", ...chatVolumeClaim(spec) },
    { apiVersion: "apps/v1", kind: "Deployment", ...chatDeployment(spec) },
    { apiVersion: "v1", kind: "Service", ...chatService(spec) },
    ...(platform === "openshift" ? [route(exposedChat(spec, endpoint))] : []),
  ];
}
