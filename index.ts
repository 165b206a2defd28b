import * as k8s from "@pulumi/kubernetes";
import { Access } from "./components/access.ts";
import { Credentials } from "./components/credentials.ts";
import { deploymentMode } from "./components/manifests/deployment-mode.ts";
import { taskAccount } from "./components/manifests/jobs.ts";
import { importTasks } from "./components/manifests/model-import.ts";
import { secretNames } from "./components/manifests/secrets.ts";
import { ModelImport } from "./components/model-import.ts";
import { ModelService } from "./components/model-service.ts";
import { networkOf, servedModelOf } from "./components/network.ts";
import { ObjectStore } from "./components/object-store.ts";
import { Pipelines } from "./components/pipelines.ts";
import { Project } from "./components/project.ts";
import { Registry } from "./components/registry.ts";
import { ServingRuntimes } from "./components/serving-runtime.ts";
import { checkSizes } from "./components/sizing.ts";
import { keptClaims, Storage } from "./components/storage.ts";
import { fitTask, loadTasks, taskDemand } from "./components/task-files.ts";
import { loadConfig } from "./config.ts";
import { quotaFor } from "./sizing/quota.ts";
import { workloadsOf } from "./sizing/stack.ts";

const config = loadConfig();
const { platform, namespace, images, secrets, imageRegistry, kubeContext: context } = config;
const tasks = loadTasks("tasks", importTasks).map((task) => fitTask(task, namespace, images));
const demands = tasks.map(taskDemand);
checkSizes(config, demands);

const cluster = new k8s.Provider("cluster", {
  context,
  clusterIdentifier: context,
  enableServerSideApply: true,
  enableSecretMutable: true,
  enableConfigMapMutable: true,
  // What this program declares is its own: up takes back a field that someone else has changed.
  enablePatchForce: true,
});
const onCluster = { providers: [cluster] };

const { existing, podSecurity, declareQuota, limits, networkPolicies } = config.project;
const quota = quotaFor(workloadsOf(config, demands), config.project.quota);
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
const storage = new Storage("storage", { ...config.storage, namespace }, inProject);
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
const pullSecrets = imageRegistry ? [secretNames.imageRegistry] : [];
const access = new Access(
  "access",
  {
    project,
    namespace,
    tasks: importTasks,
    models: config.models.map((model) => servedModelOf(model, platform)),
    secrets: { serving: [secretNames.serving], imageRegistry: pullSecrets[0] },
    registryToken: registry.auth === "serviceAccount",
    network: networkOf(config, { objectStore: objectStore.endpoint, modelRegistry: registry.url }),
  },
  inProject,
);
const { timeoutMinutes, ...treatment } = config.pipelines;
const run = config.consoleUrl ? { ...treatment, consoleUrl: config.consoleUrl } : treatment;
const pipelines = new Pipelines("pipelines", { namespace, tasks, timeoutMinutes }, inProject);

const runtimes = new ServingRuntimes("serving-runtimes", config, inProject);

/** Of each model: where it answers, where it lies, and where it came from. */
export const models = Object.fromEntries(
  config.models.map((model) => {
    const imported = new ModelImport(
      model.name,
      {
        ...config,
        context,
        model,
        objectStore,
        storage,
        registry,
        pipelines,
        pullSecrets,
        timeoutMinutes,
        huggingFaceEndpoint: config.huggingFace.endpoint,
        run,
      },
      { ...onCluster, dependsOn: [credentials, access] },
    );
    const { storageUri, registration, revision, pipelineRun } = imported;
    const service = new ModelService(
      model.name,
      {
        ...config,
        ...model,
        ...runtimes.of(model),
        context,
        pullSecrets,
        storageUri,
        registration,
        deploymentMode: config.deploymentMode ?? deploymentMode(platform, config.platformVersion),
        serviceMonitor: config.monitoring.serviceMonitor,
        orasImage: images.oras,
      },
      { ...onCluster, dependsOn: [credentials, access] },
    );
    const { url, externalUrl, apiKeySecret } = service;
    const origin = { storageUri, revision, ...registration, pipelineRun };
    return [model.name, { url, externalUrl, apiKeySecret, ...origin }];
  }),
);
export { namespace };
/** REST service of the model registry, as pods reach it. */
export const modelRegistry = registry.url;
