/** What sizing finds, said where people look before they spend: in `pulumi preview`. */
import * as pulumi from "@pulumi/pulumi";
import { type Model, mistakes } from "../config.ts";
import type { PodDemand } from "../sizing/demand.ts";
import type { SizingReport } from "../sizing/report.ts";
import { runTasks } from "./manifests/pipelines/index.ts";
import type { Task } from "./manifests/tekton.ts";
import { taskDemand } from "./task-files.ts";

/** Prints the arithmetic. Throws an error that lists everything that does not fit, so that nothing of it is created. */
export function stopUnlessItFits({ errors, warnings, lines }: SizingReport): void {
  if (errors.length > 0) throw mistakes(errors);
  for (const warning of warnings) pulumi.log.warn(warning);
  pulumi.log.info(lines.join("\n"));
}

/**
 * What the pods of the tasks of a model's pipeline runs ask for: what config gives to single tasks, and any task at its usual
 * size, because runs that are started by hand need room too.
 */
export function runDemands(model: Model, tasks: readonly Task[]): PodDemand[] {
  const own = runTasks(model).map(({ task: name, job }) => {
    const task = tasks.find(({ metadata }) => metadata.name === name);
    if (!task) throw new Error(`model ${model.name}: task ${name} is in no pipeline that is declared`);
    const demand = taskDemand(task);
    if (!job) return demand;
    const { cpu, memory, gpus } = job;
    return { name: demand.name, cpu, cpuLimit: cpu, memory, memoryLimit: memory, gpus };
  });
  return own.length > 0 ? [...own, ...tasks.map(taskDemand)] : [];
}
