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
  /** The Tasks of these pipelines, with this stack's namespace and images. */
  readonly tasks: readonly Task[];
  /** Timeout of each task of a run. */
  readonly timeoutMinutes: number;
  /** This stack's defaults of params. */
  readonly defaults: Readonly<Record<string, string>>;
  /** Settings of what runs outside Pulumi deploy. */
  readonly deployments: DeploymentSettings;
}

/** The Tekton Tasks and the Pipelines that use them. */
export class Pipelines extends pulumi.ComponentResource {
  /** Digest of each pipeline and its tasks, by name; a change of it starts a new run. */
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
 * The parts of a pipeline that determine the results of its runs: without timeouts, placement, and defaults, which this
 * program's runs do not use.
 */
function meaning({ spec }: Pipeline, tasks: readonly Task[]) {
  const all = [...spec.tasks, ...(spec.finally ?? [])];
  const used = all.map(({ taskRef }) => tasks.find(({ metadata }) => metadata.name === taskRef.name)?.spec);
  return [all.map(({ timeout: _, ...task }) => task), spec.results, used.map(withoutPlace)];
}

interface Variable {
  readonly valueFrom?: { readonly fieldRef?: object };
}

/** A Task without the downward API's variables, such as the namespace, and without the templates for runs outside Pulumi. */
function withoutPlace(task: TaskSpec | undefined) {
  const spec = task && withoutDeployments(task);
  const { env = [], ...others } = (spec?.stepTemplate ?? {}) as { readonly env?: readonly Variable[] };
  const said = env.filter(({ valueFrom }) => !valueFrom?.fieldRef);
  const stepTemplate = { ...others, ...(said.length > 0 ? { env: said } : {}) };
  return spec && { ...spec, stepTemplate: Object.keys(stepTemplate).length > 0 ? stepTemplate : undefined };
}

/** This program's runs pass what they deploy as a param. */
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
