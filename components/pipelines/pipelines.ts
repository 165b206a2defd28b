import { digestOf } from "@modelcar/kubernetes/digest";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type PipelineDefinition, pipelineOf } from "../../pipelines/definition.ts";
import type { Pipeline, Task, TaskSpec } from "../../pipelines/tekton.ts";
import { deploymentsMap } from "../../rules/names.ts";
import { deploymentsConfigMap } from "../deployments/config-map.ts";
import type { DeploymentSettings } from "../deployments/templates.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";

export interface PipelinesArgs {
  readonly namespace: string;
  readonly pipelines: readonly PipelineDefinition[];
  /** The Tasks of these pipelines, fitted to this namespace and its images. */
  readonly tasks: readonly Task[];
  /** How long a task of a run may take. */
  readonly timeoutMinutes: number;
  /** Values that params have in this stack for runs which do not say them. */
  readonly defaults: Readonly<Record<string, string>>;
  /** What is deployed by runs outside Pulumi. */
  readonly deployments: DeploymentSettings;
}

/** The Tekton Tasks and the pipelines made of them. */
export class Pipelines extends pulumi.ComponentResource {
  /** Digest of each pipeline and its tasks, by name; a run with another one is another run. */
  readonly digests: Readonly<Record<string, string>>;

  constructor(name: string, args: PipelinesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Pipelines", name, {}, inheritedDependsOn(opts));
    const child = { parent: this };
    const deployments = deploymentsConfigMap(args.namespace, args.deployments);
    new k8s.core.v1.ConfigMap(deploymentsMap, deployments, child);
    const tasks = args.tasks.map(
      (task) => new k8s.apiextensions.CustomResource(task.metadata.name, task, child),
    );
    const digests = args.pipelines.map((definition) => {
      const pipeline = pipelineOf(definition, args, args.defaults);
      new k8s.apiextensions.CustomResource(definition.name, pipeline, { parent: this, dependsOn: tasks });
      return [definition.name, digestOf(meaning(pipeline, args.tasks))];
    });
    this.digests = Object.fromEntries(digests);
    this.registerOutputs({ digests: this.digests });
  }
}

/**
 * What decides the results of a pipeline's runs: not how long its tasks may take or where they run, nor defaults, which our runs
 * do not use.
 */
function meaning({ spec }: Pipeline, tasks: readonly Task[]) {
  const steps = [...spec.tasks, ...(spec.finally ?? [])];
  const used = steps.map(({ taskRef }) => tasks.find(({ metadata }) => metadata.name === taskRef.name)?.spec);
  return [steps.map(({ timeout: _, ...step }) => step), spec.results, used.map(withoutPlace)];
}

interface Variable {
  readonly valueFrom?: { readonly fieldRef?: object };
}

/** A Task without what its pods are told of themselves, such as their namespace, and of what runs outside Pulumi deploy. */
function withoutPlace(task: TaskSpec | undefined) {
  const spec = task && withoutDeployments(task);
  const { env = [], ...others } = (spec?.stepTemplate ?? {}) as { readonly env?: readonly Variable[] };
  const said = env.filter(({ valueFrom }) => !valueFrom?.fieldRef);
  const stepTemplate = { ...others, ...(said.length > 0 ? { env: said } : {}) };
  return spec && { ...spec, stepTemplate: Object.keys(stepTemplate).length > 0 ? stepTemplate : undefined };
}

/** Our own runs say themselves what they deploy. */
function withoutDeployments(spec: TaskSpec): TaskSpec {
  const { volumes = [] } = spec as { readonly volumes?: readonly Volume[] };
  const own = volumes.filter(({ configMap }) => configMap?.name === deploymentsMap);
  if (own.length === 0) return spec;
  const isOther = ({ name }: { readonly name: string }) => own.every((volume) => volume.name !== name);
  const steps = spec.steps.map((step) => {
    const { volumeMounts = [] } = step as { readonly volumeMounts?: readonly Volume[] };
    return { ...step, volumeMounts: volumeMounts.filter(isOther) };
  });
  return { ...spec, steps, volumes: volumes.filter(isOther) };
}

interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
}
