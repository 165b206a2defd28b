/**
 * The least privilege of each task, as tasks/<task>/job.yaml declares it. Service accounts, roles, tokens and network policies
 * all follow from these files; a task that declares nothing gets nothing.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { accounts } from "../rules/names.ts";
import { readVariant } from "./task-variants.ts";

/** Destinations that the job.yaml of a task can allow. */
export const destinations = [
  /** The hub that models come from. */
  "hub",
  "objectStore",
  "modelRegistry",
  /** The registries that images are pushed to, and those of their base images. */
  "imageRegistry",
  /** The served models of this namespace. */
  "models",
  "kubernetesApi",
] as const;
export type Destination = (typeof destinations)[number];

/** A rule of a Role, in the job's own namespace. */
export interface PolicyRule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly resourceNames?: string[];
  readonly verbs: string[];
}

const texts = z.array(z.string());

const schema = z.strictObject({
  reaches: z.array(z.enum(destinations)),
  /**
   * Whether it may query the cluster's DNS, which could carry data out of the cluster. Without DNS the pod template must give
   * the endpoint's address (`hostAliases`). Default: true if it reaches anything.
   */
  resolvesNames: z.boolean().optional(),
  /** Whether it may run code that a model generated. Its pods then get no service account token. Default: false. */
  runsGeneratedCode: z.boolean().optional(),
  /** Rules of its Role on the Kubernetes API. Default: none. */
  rules: z.array(z.strictObject({ apiGroups: texts, resources: texts, verbs: texts })).optional(),
  /** The image that its tests run in, named without `-test`. Default: tasks. */
  testedIn: z.string().optional(),
});

export type Job = z.infer<typeof schema>;

const folder = fileURLToPath(new URL("../tasks/", import.meta.url));

/** Every task that has a folder, whether its pipeline is declared or not. */
export const knownTasks: readonly string[] = readdirSync(folder)
  .sort()
  .filter((name) => existsSync(jobFile(name)) || readVariant(folder, name));

/** The job.yaml of a Tekton task, or of the task that it is a variant of. Throws if there is none or it is invalid. */
export function taskJob(task: string): Job {
  const known = jobs.get(task);
  if (known) return known;
  const variant = readVariant(folder, task);
  if (variant) return taskJob(variant.of);
  if (!existsSync(jobFile(task))) {
    throw new Error(
      `task ${task} has no tasks/${task}/job.yaml: declare there what it may reach (\`reaches: []\` for nothing)`,
    );
  }
  const result = schema.safeParse(parse(readFileSync(jobFile(task), "utf8")));
  if (!result.success) throw new Error(`tasks/${task}/job.yaml: ${z.prettifyError(result.error)}`);
  jobs.set(task, result.data);
  return result.data;
}

const jobs = new Map<string, Job>();

function jobFile(task: string): string {
  return join(folder, task, "job.yaml");
}

/** The tasks that may reach a destination. */
export function tasksReaching(destination: Destination): string[] {
  return knownTasks.filter((task) => taskJob(task).reaches.includes(destination));
}

/** The service account of a Tekton task. */
export const taskAccount = (task: string): string => `modelcar-${task}`;

/** Accounts that belong to no task: the default account of runs, and that of served models. */
export const sharedAccounts = accounts;
