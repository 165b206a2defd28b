/**
 * Every kind of work in the project's namespace, with the least that it needs. Service accounts, roles, tokens and network
 * policies all follow from this table, and what is not in it gets nothing.
 */
import { names } from "./project.ts";

/** What a job can be let connect to. */
export type Destination =
  /** The hub that models come from. */
  | "hub"
  | "objectStore"
  | "modelRegistry"
  /** The registry that images are pushed to. */
  | "imageRegistry"
  /** The served models of this namespace. */
  | "models"
  | "kubernetesApi";

/** A rule of a Role, in the job's own namespace. */
export interface PolicyRule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly resourceNames?: string[];
  readonly verbs: string[];
}

export interface Job {
  readonly reaches: readonly Destination[];
  /**
   * Whether it may ask the cluster's DNS, which may carry data out of the cluster. Without it the pod template must say
   * the endpoint's address (`hostAliases`). Default: yes, if it reaches anything.
   */
  readonly resolvesNames?: boolean;
  /** Whether code that a model wrote may run in it. Its pods then get no token of the cluster. Default: no. */
  readonly runsGeneratedCode?: boolean;
  /** What it does with the Kubernetes API. Default: nothing. */
  readonly rules?: PolicyRule[];
}

const serving = ["serving.kserve.io"];
/** Why a pod does not come up. */
const podsAndLogs: readonly PolicyRule[] = [
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
];

/** Tekton tasks by name. A task of the pipelines that is not here is an error. */
const tasks: Readonly<Record<string, Job>> = {
  "check-parameters": { reaches: [] },
  "pull-model-from-huggingface": { reaches: ["hub"] },
  "deploy-anythingllm": {
    reaches: ["kubernetesApi"],
    rules: [
      { apiGroups: [""], resources: ["persistentvolumeclaims", "services"], verbs: ["create", "patch"] },
      // Made once and kept, so it need not read them.
      { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
      { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list", "watch", "create", "patch"] },
      { apiGroups: ["route.openshift.io"], resources: ["routes"], verbs: ["get", "create", "patch"] },
      ...podsAndLogs,
    ],
  },
  // Calibration data comes from the hub.
  "compress-model": { reaches: ["hub"] },
  "fetch-evaluation-data": { reaches: ["hub"] },
  // What the model writes is run here, so nothing can be reached but a model; its data lies on the workspace.
  "evaluate-model": { reaches: ["models"], resolvesNames: false, runsGeneratedCode: true },
  "upload-to-minio": { reaches: ["objectStore"] },
  "build-and-push-modelcar": { reaches: ["imageRegistry"] },
  // Its Containerfile may fetch a model.
  "build-runtime": { reaches: ["imageRegistry", "hub"] },
  "register-model": { reaches: ["modelRegistry"] },
  "deploy-model": {
    // It asks the model until it answers.
    reaches: ["kubernetesApi", "models"],
    rules: [
      {
        apiGroups: serving,
        resources: ["servingruntimes", "inferenceservices"],
        // A service that another run left is made anew.
        verbs: ["get", "create", "patch", "delete"],
      },
      { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list", "watch"] },
      ...podsAndLogs,
    ],
  },
  "remove-model": {
    reaches: ["kubernetesApi"],
    rules: [
      { apiGroups: serving, resources: ["servingruntimes", "inferenceservices"], verbs: ["get", "delete"] },
      { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
    ],
  },
  "run-lm-eval-v2": { reaches: ["models", "hub"] },
  "run-guidellm": { reaches: ["models"] },
  "run-guidellm-v2": { reaches: ["models"] },
  "publish-test-results-v2": { reaches: ["modelRegistry", "objectStore"] },
  "compare-models": { reaches: ["modelRegistry", "objectStore"] },
  "cleanup-workspace": { reaches: [] },
};

/** Every task of the table, whether its pipeline is declared or not. */
export const knownTasks: readonly string[] = Object.keys(tasks);

/** The row of a Tekton task. Throws for one that has none. */
export function taskJob(task: string): Job {
  const job = tasks[task];
  if (!job) {
    throw new Error(
      `task ${task} has no row in components/manifests/jobs.ts: add what it may reach, which is nothing unless it says so`,
    );
  }
  return job;
}

/** The tasks that may reach a destination. */
export function tasksReaching(destination: Destination): string[] {
  return knownTasks.filter((task) => taskJob(task).reaches.includes(destination));
}

/** The service account of a Tekton task. */
export const taskAccount = (task: string): string => `modelcar-${task}`;

/** A model that is served here, as far as its pods' power goes. */
export interface ServedModel {
  readonly name: string;
  readonly reaches: readonly Destination[];
  /**
   * The registry that its pod pulls the model from, which need not be the one that images are pushed to: host[:port], or the
   * URL of one without TLS.
   */
  readonly registry?: string | undefined;
  /** OpenShift AI's proxy asks callers for a token that may `get` the InferenceService. */
  readonly tokenAuth: boolean;
}

/** What a model's pods need: to fetch the model, and to have callers' tokens checked. */
export function servedModel(model: {
  readonly name: string;
  /**
   * Where the pod itself fetches the model: KServe's storage initializer from the object store, or `oras` from the registry
   * of that name. Default: it does not.
   */
  readonly fetchesFrom?: "objectStore" | { readonly registry: string } | undefined;
  readonly tokenAuth: boolean;
}): ServedModel {
  const { name, fetchesFrom, tokenAuth } = model;
  const fromStore = fetchesFrom === "objectStore";
  return {
    name,
    tokenAuth,
    registry: fromStore ? undefined : fetchesFrom?.registry,
    reaches: [
      ...(fromStore ? (["objectStore"] as const) : []),
      ...(tokenAuth ? (["kubernetesApi"] as const) : []),
    ],
  };
}

/** All accounts but those of tasks: runs whose task has none of its own, and served models. */
export const sharedAccounts = { pipeline: names.pipelineAccount, serving: names.servingAccount } as const;
