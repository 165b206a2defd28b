import { Access } from "./components/access.ts";
import { ChatInterface, chatArgs } from "./components/chat-interface.ts";
import { connectCluster } from "./components/cluster/connection.ts";
import { Credentials } from "./components/credentials.ts";
import { takeFieldsBack } from "./components/field-ownership.ts";
import { deploymentMode } from "./components/manifests/deployment-mode.ts";
import { taskAccount } from "./components/manifests/jobs.ts";
import { tasksOf } from "./components/manifests/pipelines/definition.ts";
import { pipelinesFor, runGpus } from "./components/manifests/pipelines/index.ts";
import { secretNames } from "./components/manifests/secrets.ts";
import { basesFirst, type ModelLifecycle, modelLifecycle } from "./components/model-lifecycle.ts";
import { modelOutputs, summaryOf } from "./components/model-outputs.ts";
import { Monitoring, monitoringArgs } from "./components/monitoring.ts";
import { isPulledWithoutTls, networkOf, plainHttpRegistry, servedModelsOf } from "./components/network.ts";
import { ObjectStore } from "./components/object-store.ts";
import { Pipelines } from "./components/pipelines.ts";
import { Project } from "./components/project.ts";
import { Registry } from "./components/registry.ts";
import { ServingRuntimes } from "./components/serving-runtime.ts";
import { checkSizes, runDemands } from "./components/sizing.ts";
import { keptClaims, Storage } from "./components/storage.ts";
import { fitTask, loadTasks } from "./components/task-files.ts";
import { loadConfig, type Model } from "./config.ts";
import { quotaFor } from "./sizing/quota.ts";
import { workloadsOf } from "./sizing/stack.ts";

const config = loadConfig();
const { platform, namespace, images, secrets, imageRegistry, kubeContext: context } = config;
const declared = pipelinesFor(images);
const taskNames = [...new Set(declared.flatMap(tasksOf)), ...(images.buildah ? ["build-runtime"] : [])];
const tasks = loadTasks("tasks", taskNames).map((task) => fitTask(task, namespace, images));
const demandsOf = (model: Model) => runDemands(model, tasks);
checkSizes(config, demandsOf);

const onCluster = { providers: [connectCluster(context, namespace)], transformations: [takeFieldsBack] };

const { existing, podSecurity, declareQuota, limits, networkPolicies } = config.project;
const quota = quotaFor(workloadsOf(config, demandsOf), config.project.quota);
const retain = keptClaims(config).length > 0;
const project = new Project(
  "project",
  { namespace, existing, podSecurity, retain, limits, quota: declareQuota ? quota : undefined },
  onCluster,
);
const inProject = { ...onCluster, dependsOn: project };

const { objectStoreAccessKey: accessKey, objectStoreSecretKey: secretKey } = secrets;
const login = accessKey && secretKey ? { accessKey, secretKey } : undefined;
const clients = networkPolicies ? [namespace] : undefined;
const objectStore = new ObjectStore(
  "object-store",
  { ...config.objectStore, platform, images, login, clients },
  onCluster,
);
const storage = new Storage(
  "storage",
  { ...config.storage, namespace, deletedWith: project.deleted },
  inProject,
);
const credentials = new Credentials(
  "credentials",
  { platform, namespace, objectStore, imageRegistry, secrets },
  inProject,
);
const serviceAccount = taskAccount("register-model");
const registry = new Registry(
  "registry",
  { platform, namespace, registry: config.registry, serviceAccount, networkPolicies, images },
  inProject,
);
const registrySecret = imageRegistry?.username ? secretNames.imageRegistry : undefined;
const pullSecrets = registrySecret ? [registrySecret] : [];
const access = new Access(
  "access",
  {
    project,
    namespace,
    tasks: taskNames,
    models: config.models.flatMap((model) => servedModelsOf(model, config)),
    secrets: { serving: [secretNames.serving], imageRegistry: registrySecret },
    chat: config.chat !== undefined || taskNames.includes("deploy-anythingllm"),
    registryToken: registry.auth === "serviceAccount",
    network: networkOf(config, { objectStore: objectStore.endpoint, modelRegistry: registry.url }),
  },
  inProject,
);
const { timeoutMinutes, ...treatment } = config.pipelines;
const run = config.consoleUrl ? { ...treatment, consoleUrl: config.consoleUrl } : treatment;
const deploying = config.deploymentMode ?? deploymentMode(platform, config.platformVersion);
const pipelines = new Pipelines(
  "pipelines",
  {
    namespace,
    tasks,
    timeoutMinutes,
    pipelines: declared,
    defaults: {
      HF_ENDPOINT: config.huggingFace.endpoint,
      MODEL_REGISTRY_URL: registry.url,
      MODEL_REGISTRY_AUTH: registry.auth,
      S3_ENDPOINT: objectStore.endpoint,
      S3_BUCKET: objectStore.bucket,
      PLATFORM: platform,
      DEPLOYMENT_MODE: deploying,
      PULL_SECRET: registrySecret ?? "",
      BASE_IMAGE: images.modelcarBase ?? "",
      ANYTHINGLLM_IMAGE: images.anythingllm ?? "",
    },
  },
  inProject,
);

const runtimes = new ServingRuntimes("serving-runtimes", config, inProject);

const gpus = Math.max(0, ...config.models.map(runGpus));
const common = {
  platform,
  namespace,
  accelerators: config.accelerators,
  context,
  objectStore,
  storage,
  registry,
  pipelines,
  pullSecrets,
  timeoutMinutes,
  huggingFaceEndpoint: config.huggingFace.endpoint,
  run,
};

const lives = new Map<string, ModelLifecycle>();
for (const model of basesFirst(config.models)) {
  const args = {
    model,
    base: lives.get(model.test?.base ?? ""),
    runs: {
      ...common,
      // Runs with GPUs wait for each other, so that none holds some while it waits for more.
      queue: runGpus(model) > 0 ? { name: "gpus", gpus: runGpus(model), capacity: gpus } : undefined,
      modelcarBase: images.modelcarBase,
      plainHttpRegistry: plainHttpRegistry(config),
      registrySecret,
    },
    service: {
      ...runtimes.of(model),
      platform,
      namespace,
      context,
      pullSecrets,
      accelerators: config.accelerators,
      endpoint: config.endpoint,
      deploymentMode: deploying,
      monitoring: config.monitoring,
      orasImage: images.oras,
      plainHttp: isPulledWithoutTls(model, config),
    },
  };
  const ready = { ...onCluster, dependsOn: [credentials, ...access.of(model.name)] };
  lives.set(model.name, modelLifecycle(args, ready));
}

/** Of each model: where it answers, where it lies, where it came from, and what was measured of it. */
export const models = Object.fromEntries(
  [...lives].map(([name, life]) => [name, modelOutputs(life, config.accelerators)]),
);
/** What was measured, as a table: `pulumi stack output summary`. */
export const summary = summaryOf([...lives.values()], config.accelerators);

const monitoring = monitoringArgs(config);
if (monitoring) new Monitoring("monitoring", monitoring, inProject);

const answering = config.chat && lives.get(config.chat.model)?.service;
const chatInterface =
  answering && new ChatInterface("chat", chatArgs(config, answering, pullSecrets), inProject);
/** The chat UI, and the Secret whose key AUTH_TOKEN is its password; null without one, for Pulumi warns of what is undefined. */
export const chat = chatInterface
  ? { url: chatInterface.url, passwordSecret: chatInterface.passwordSecret }
  : null;
export { namespace };
/** REST service of the model registry, as pods reach it. */
export const modelRegistry = registry.url;
