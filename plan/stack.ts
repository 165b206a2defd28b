/**
 * Everything that a stack consists of, derived from its config as plain data: no Pulumi, no cluster, no secret. The program
 * declares it, and `npm run plan` prints it.
 */

import type { Config, Model } from "../config/config.ts";
import { defaultGpuMemoryUtilization } from "../config/model.ts";
import { tasksOf } from "../pipelines/definition.ts";
import { taskAccount } from "../pipelines/jobs.ts";
import { runSettings } from "../pipelines/run-settings.ts";
import { containerDefaults } from "../rules/container-defaults.ts";
import { deploymentMode } from "../rules/deployment-mode.ts";
import { externalHost, isExposed } from "../rules/exposure.ts";
import { chatName, secretNames } from "../rules/names.ts";
import { quotaFor } from "../sizing/quota.ts";
import { sizeStack } from "../sizing/report.ts";
import { workloadsOf } from "../sizing/stack.ts";
import { keptClaims } from "./claims.ts";
import { planModels } from "./models.ts";
import { monitoringOf } from "./monitoring.ts";
import { networkOf, servedModelsOf } from "./network.ts";
import { runtimesOf } from "./runtimes.ts";
import { fitTask, loadTasks, pipelinesFor, runDemands } from "./tasks.ts";

export type StackPlan = ReturnType<typeof planStack>;

/**
 * The plan of a stack.
 * @param taskFiles the directory with a subdirectory for each Tekton task
 */
export function planStack(config: Config, taskFiles: string) {
  const { platform, namespace, images, imageRegistry, kubeContext: context } = config;
  const { existing, podSecurity, declareQuota, limits, networkPolicies } = config.project;
  const definitions = pipelinesFor(taskFiles, images);
  const taskNames = [...new Set(definitions.flatMap(tasksOf)), ...(images.buildah ? ["build-runtime"] : [])];
  const tasks = loadTasks(taskFiles, taskNames).map((task) => fitTask(task, namespace, images));
  const demandsOf = (model: Model) => runDemands(model, tasks);
  const settings = runSettings(config);
  const { objectStore, registry, timeoutMinutes } = settings;
  const { timeoutMinutes: _, ...run } = config.pipelines;
  const mode = config.deploymentMode ?? deploymentMode(platform, config.platformVersion);

  return {
    platform,
    namespace,
    /** Context of the kubeconfig. */
    context,
    sizes: sizeStack(config, demandsOf, containerDefaults),
    project: {
      namespace,
      existing,
      podSecurity,
      limits,
      retain: keptClaims(config).length > 0,
      quota: declareQuota ? quotaFor(workloadsOf(config, demandsOf), config.project.quota) : undefined,
    },
    objectStore: {
      ...config.objectStore,
      platform,
      images,
      clients: networkPolicies ? [namespace] : undefined,
    },
    storage: { ...config.storage, namespace },
    credentials: { platform, namespace, imageRegistry },
    registry: {
      platform,
      namespace,
      registry: config.registry,
      serviceAccount: taskAccount("register-model"),
      networkPolicies,
      images,
    },
    access: {
      namespace,
      tasks: taskNames,
      models: config.models.flatMap((model) => servedModelsOf(model, config)),
      secrets: { serving: [secretNames.serving], imageRegistry: settings.imageRegistry.secret },
      chat: config.chat !== undefined || taskNames.includes("deploy-anythingllm"),
      registryToken: registry.auth === "serviceAccount",
      network: networkOf(config),
    },
    pipelines: {
      namespace,
      tasks,
      timeoutMinutes,
      pipelines: definitions,
      defaults: {
        HF_ENDPOINT: settings.huggingFaceEndpoint,
        MODEL_REGISTRY_URL: registry.url,
        MODEL_REGISTRY_AUTH: registry.auth,
        S3_ENDPOINT: objectStore.endpoint,
        S3_BUCKET: objectStore.bucket,
        PLATFORM: platform,
        DEPLOYMENT_MODE: mode,
        PULL_SECRET: settings.imageRegistry.secret ?? "",
        BASE_IMAGE: images.modelcarBase ?? "",
        ANYTHINGLLM_IMAGE: images.anythingllm ?? "",
      },
      deployments: {
        endpoint: config.endpoint,
        servingRuntimes: config.servingRuntimes,
        gpuMemoryUtilization: defaultGpuMemoryUtilization,
      },
    },
    runtimes: runtimesOf(config),
    /** Arguments that the runs of all models share. */
    runs: {
      settings,
      namespace,
      context,
      run: config.consoleUrl ? { ...run, consoleUrl: config.consoleUrl } : run,
    },
    models: planModels(config, settings, mode),
    monitoring: monitoringOf(config),
    chat: chatOf(config, settings.pullSecrets),
  };
}

/** Arguments of the chat UI; undefined if none is configured. */
function chatOf(
  { platform, namespace, endpoint, images, chat, models }: Config,
  pullSecrets: readonly string[],
) {
  const model = models.find(({ name }) => name === chat?.model);
  if (!chat || !model || !images.anythingllm) return undefined;
  const { name, serve } = model;
  const image = images.anythingllm;
  return {
    ...chat,
    exposed: isExposed(endpoint, chat),
    /** As of a model. */
    host: isExposed(endpoint, chat) ? externalHost(chatName, namespace, endpoint.domain) : undefined,
    platform,
    namespace,
    endpoint,
    pullSecrets,
    image,
    model: { name, maxModelLen: serve.maxModelLen },
  };
}
