/** The Tekton Tasks: read from tasks/<name>/task.yaml, with a stack's images and namespace, and their resource requests. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Model } from "../config/config.ts";
import { allPipelines, runTasks } from "../pipelines/catalogue.ts";
import { type PipelineDefinition, tasksOf } from "../pipelines/definition.ts";
import { readVariant, variantOf } from "../pipelines/task-variants.ts";
import type { Step, Task } from "../pipelines/tekton.ts";
import { containerDefaults } from "../rules/container-defaults.ts";
import { formatBytes, formatCpu, parseQuantity } from "../sizing/quantity.ts";
import type { PodDemand } from "../sizing/quota.ts";

const fileName = "task.yaml";

/**
 * The Tasks with these names, some of which may be variants. Throws if a file is missing or is no v1 Task, or if its name
 * differs from its directory's.
 */
export function loadTasks(directory: string, names: readonly string[]): Task[] {
  return names.map((name) => {
    const variant = readVariant(directory, name);
    return variant ? variantOf(readTask(directory, variant.of), name, variant) : readTask(directory, name);
  });
}

function readTask(directory: string, name: string): Task {
  const path = join(name, fileName);
  const task: unknown = parse(readFileSync(join(directory, path), "utf8"));
  if (!isTask(task)) throw new Error(`tasks/${path}: not a tekton.dev/v1 Task with a name and steps`);
  if (task.metadata.name !== name) {
    throw new Error(
      `tasks/${path}: metadata.name is "${task.metadata.name}", but must be the directory's name`,
    );
  }
  return task;
}

function isTask(value: unknown): value is Task {
  const task = value as Partial<Task> | null;
  return (
    task?.apiVersion === "tekton.dev/v1" &&
    task.kind === "Task" &&
    typeof task.metadata?.name === "string" &&
    Array.isArray(task.spec?.steps) &&
    task.spec.steps.every((step) => typeof step?.image === "string")
  );
}

/** The key of `modelcar:images` for a step: the last path element of the image in its file, without tag. */
const imageKey = ({ image }: Step): string => image.replace(/^.*\//, "").replace(/[:@].*$/, "");

/** The pipelines for which the stack has all images. */
export function pipelinesFor(
  directory: string,
  images: Readonly<Record<string, string | undefined>>,
): PipelineDefinition[] {
  return allPipelines.filter((definition) =>
    loadTasks(directory, tasksOf(definition))
      .flatMap(({ spec }) => spec.steps.map(imageKey))
      .every((key) => images[key] !== undefined),
  );
}

/**
 * The Task in a namespace, with the stack's images: each is replaced with the digest reference of its key. Throws if a key is
 * not set.
 */
export function fitTask(
  task: Task,
  namespace: string,
  images: Readonly<Record<string, string | undefined>>,
): Task {
  const steps = task.spec.steps.map((step) => {
    const key = imageKey(step);
    const image = images[key];
    if (!image) {
      throw new Error(
        `task ${task.metadata.name}, step ${step.name}: set modelcar:images.${key} for ${step.image}`,
      );
    }
    return { ...step, image };
  });
  return { ...task, metadata: { ...task.metadata, namespace }, spec: { ...task.spec, steps } };
}

/** Requests and limits of the Task's pod: its steps run one after the other, but Kubernetes adds them all. */
export function taskDemand(task: Task): PodDemand {
  const sum = (amount: (requests: Record<string, string>, limits: Record<string, string>) => string) =>
    task.spec.steps.reduce((total, step) => {
      const own = { ...task.spec.stepTemplate?.computeResources, ...step.computeResources };
      return total + parseQuantity(amount({ ...own.limits, ...own.requests }, own.limits ?? {}));
    }, 0);
  return {
    name: `task ${task.metadata.name}`,
    cpu: formatCpu(sum((requests) => requests.cpu ?? containerDefaults.cpu)),
    cpuLimit: formatCpu(sum((_, limits) => limits.cpu ?? containerDefaults.cpuLimit)),
    memory: formatBytes(sum((requests) => requests.memory ?? containerDefaults.memory)),
    memoryLimit: formatBytes(sum((_, limits) => limits.memory ?? containerDefaults.memoryLimit)),
  };
}

/**
 * Requests and limits of the task pods of a model's runs: those configured for single tasks, and all tasks at their default
 * size, because manually started runs count, too.
 */
export function runDemands(model: Model, tasks: readonly Task[]): PodDemand[] {
  const own = runTasks(model).map(({ task: name, job }) => {
    const task = tasks.find(({ metadata }) => metadata.name === name);
    if (!task) throw new Error(`model ${model.name}: task ${name} is not part of a declared pipeline`);
    const demand = taskDemand(task);
    if (!job) return demand;
    const { cpu, memory, gpus } = job;
    return { name: demand.name, cpu, cpuLimit: cpu, memory, memoryLimit: memory, gpus };
  });
  return own.length > 0 ? [...own, ...tasks.map(taskDemand)] : [];
}
