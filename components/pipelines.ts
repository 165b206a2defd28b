import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { digestOf } from "./digest.ts";
import { modelImportPipeline } from "./manifests/model-import.ts";
import type { Task } from "./manifests/tekton.ts";

export interface PipelinesArgs {
  readonly namespace: string;
  /** The Tasks, fitted to this namespace and its images. */
  readonly tasks: readonly Task[];
  /** How long a run may take. */
  readonly timeoutMinutes: number;
}

/** The Tekton Tasks and the pipelines made of them. */
export class Pipelines extends pulumi.ComponentResource {
  /** Digest of the import pipeline and its tasks; a run with another one is another run. */
  readonly modelImport: string;

  constructor(name: string, args: PipelinesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Pipelines", name, {}, opts);
    const { namespace, timeoutMinutes } = args;
    const child = { parent: this, dependsOn: opts?.dependsOn ?? [] };
    const tasks = args.tasks.map(
      (task) => new k8s.apiextensions.CustomResource(task.metadata.name, task, child),
    );
    const modelImport = modelImportPipeline(namespace, timeoutMinutes);
    new k8s.apiextensions.CustomResource(modelImport.metadata.name, modelImport, {
      parent: this,
      dependsOn: tasks,
    });

    const used = modelImport.spec.tasks.map((step) =>
      args.tasks.find((task) => task.metadata.name === step.taskRef.name),
    );
    this.modelImport = digestOf([wiring(modelImport.spec), used.map((task) => task?.spec)]);
    this.registerOutputs({ modelImport: this.modelImport });
  }
}

/** What of a Pipeline decides its results: not how long its tasks may take. */
function wiring(spec: ReturnType<typeof modelImportPipeline>["spec"]) {
  return { ...spec, tasks: spec.tasks.map(({ timeout: _, ...task }) => task) };
}
