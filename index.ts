import * as k8s from "@pulumi/kubernetes";
import { Credentials } from "./components/credentials.ts";
import {
  type ImportResult,
  importTasks,
  modelImportRun,
  pipelineName,
} from "./components/manifests/model-import.ts";
import { ModelService } from "./components/model-service.ts";
import { ObjectStore } from "./components/object-store.ts";
import { PipelineRun } from "./components/pipeline-run/index.ts";
import { Pipelines } from "./components/pipelines.ts";
import { Project } from "./components/project.ts";
import { Registry } from "./components/registry.ts";
import { ServingRuntime } from "./components/serving-runtime.ts";
import { Storage } from "./components/storage.ts";
import { fitTask, loadTasks, taskDemand } from "./components/task-files.ts";
import { workloadsOf } from "./components/workloads.ts";
import { loadConfig } from "./config.ts";

const config = loadConfig();
const { platform, kubeContext: context } = config;
const images = config.images as Record<string, string>;
const tasks = loadTasks("tasks", importTasks).map((task) => fitTask(task, config.namespace, images));

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

const project = new Project(
  "project",
  {
    namespace: config.namespace,
    workloads: workloadsOf(config, tasks.map(taskDemand)),
    servingSecrets: [Credentials.servingSecret],
  },
  onCluster,
);
const inProject = { ...onCluster, dependsOn: project };

// TODO(lead): wired step by step.
if ("endpoint" in config.objectStore || config.registry.kind !== "url") throw new Error("not wired yet");
const { objectStore: store, registry: registryConfig } = config;
const credentials = new Credentials(
  "credentials",
  { namespace: config.namespace, objectStore: store, hfToken: config.secrets.hfToken },
  inProject,
);
const objectStore = new ObjectStore(
  "object-store",
  {
    ...store,
    platform,
    image: images.minio ?? "",
    tasksImage: config.images.tasks,
    credentials: credentials.objectStore,
  },
  onCluster,
);
const storage = new Storage(
  "storage",
  {
    namespace: config.namespace,
    size: config.storage.size,
    storageClass: config.storage.storageClass,
  },
  inProject,
);
const registry = new Registry(
  "registry",
  { namespace: config.namespace, url: registryConfig.url },
  inProject,
);
const { timeoutMinutes } = config.pipelines;
const pipelines = new Pipelines(
  "pipelines",
  { namespace: config.namespace, tasks, timeoutMinutes },
  inProject,
);
const runtime = new ServingRuntime(
  "serving-runtime",
  {
    ...config.servingRuntimes["vllm-cpu"],
    name: "vllm-cpu",
    namespace: config.namespace,
    image: images["vllm-cpu"] ?? "",
  },
  inProject,
);

/** Where the models came from and where they answer, by name. */
export const models = Object.fromEntries(
  config.models.flatMap((model) => {
    const { source } = model;
    if ("uri" in source) return [];
    const run = new PipelineRun<ImportResult>(
      `${pipelineName}-${model.name}`,
      {
        context,
        namespace: config.namespace,
        prefix: `${pipelineName}-${model.name}`,
        spec: modelImportRun({
          model: { ...model, source },
          platform,
          huggingFaceEndpoint: config.huggingFace.endpoint,
          s3Endpoint: objectStore.endpoint,
          bucket: config.objectStore.bucket,
          registryUrl: registry.url,
          claimName: Storage.claimName,
          timeoutMinutes,
        }),
        definition: pipelines.modelImport,
        timeoutSeconds: timeoutMinutes * 60,
      },
      { dependsOn: [pipelines, storage, registry, credentials, objectStore] },
    );
    const storageUri = run.results["storage-uri"];
    const registeredModelId = run.results["registered-model-id"];
    const modelVersionId = run.results["model-version-id"];
    const service = new ModelService(
      model.name,
      {
        ...model,
        context,
        platform,
        namespace: config.namespace,
        accelerators: config.accelerators,
        deploymentMode: config.deploymentMode ?? "Standard",
        timeoutMinutes: config.servingRuntimes["vllm-cpu"].startupMinutes,
        runtime,
        storageUri,
        registeredModelId,
        modelVersionId,
      },
      { ...onCluster, dependsOn: credentials },
    );
    const { revision } = run.results;
    const origin = { storageUri, revision, registeredModelId, modelVersionId, pipelineRun: run.name };
    return [[model.name, { url: service.url, ...origin }]];
  }),
);
export const namespace = project.namespace;
