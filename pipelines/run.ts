/** The PipelineRun spec that the runs of all pipelines share. */

import { identity } from "../rules/any-user.ts";
import { accounts } from "../rules/names.ts";
import { restrictedPod } from "../rules/security.ts";
import { modelPlacement } from "../sizing/placement.ts";
import { models, type PipelineDefinition, pipelineTasksOf } from "./definition.ts";
import { taskAccount, taskJob } from "./jobs.ts";
import type { RunSettings } from "./run-settings.ts";
import type { JobSpec } from "./specs.ts";
import type { PipelineRunSpec, PodTemplate, TaskRunSpec, WorkspaceBinding } from "./tekton.ts";
import { runTimeouts } from "./timeouts.ts";

export interface Run<Text = string> {
  readonly settings: RunSettings;
  readonly params: Readonly<Record<string, string | Text>>;
  /** Claim of the workspace `models`. Default: the one that all runs share. */
  readonly claim?: string;
  /** Secrets behind further workspaces, by the workspace's name. */
  readonly secretWorkspaces?: Readonly<Record<string, string>>;
  /** Placement of all pods of the run. Default: any node. */
  readonly placement?: Pick<PodTemplate, "nodeSelector" | "tolerations">;
  /** The pipeline tasks that run models, with their resources. Only these are scheduled to GPU nodes. */
  readonly jobs?: Readonly<Record<string, JobSpec | undefined>>;
}

/** A run of a pipeline: each task runs as its own service account, and only tasks that use GPUs run on GPU nodes. */
export function runOf<Text = string>(definition: PipelineDefinition, run: Run<Text>): PipelineRunSpec<Text> {
  const { jobs = {}, settings } = run;
  const {
    platform,
    accelerators,
    pullSecrets,
    timeoutMinutes,
    claim: claimName = "",
  } = { ...settings, ...run };
  const podTemplate: PodTemplate = {
    securityContext: restrictedPod(platform),
    // For images that do not set it. Not in the Tasks, because they are part of the digest that names a run.
    env: Object.entries(identity).map(([name, value]) => ({ name, value })),
    ...run.placement,
    ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets.map((name) => ({ name })) } : {}),
  };
  const taskRunSpec = ({ name, task }: { name: string; task: string }): TaskRunSpec => {
    const job = jobs[name];
    const own = {
      ...(job ? modelPlacement(job, accelerators) : {}),
      // A pod that runs generated code must have no service account token.
      ...(taskJob(task).runsGeneratedCode ? { automountServiceAccountToken: false } : {}),
    };
    return {
      pipelineTaskName: name,
      serviceAccountName: taskAccount(task),
      // Some versions of Tekton merge the two pod templates, others replace the run's.
      ...(Object.keys(own).length > 0 ? { podTemplate: { ...podTemplate, ...own } } : {}),
      ...(job ? { stepSpecs: [{ name: task, computeResources: jobResources(job) }] } : {}),
    };
  };
  const bound: WorkspaceBinding[] =
    models in definition.workspaces ? [{ name: models, persistentVolumeClaim: { claimName } }] : [];
  for (const [name, secretName] of Object.entries(run.secretWorkspaces ?? {}))
    bound.push({ name, secret: { secretName } });
  return {
    pipelineRef: { name: definition.name },
    params: Object.entries(run.params).map(([name, value]) => ({ name, value })),
    workspaces: bound,
    taskRunTemplate: { serviceAccountName: accounts.pipeline, podTemplate },
    taskRunSpecs: pipelineTasksOf(definition).map(taskRunSpec),
    timeouts: runTimeouts(timeoutMinutes, definition.tasks.length),
  };
}

/** Requests equal limits, so that a long job is not the first to be evicted. */
function jobResources({ gpus, cpu, memory }: JobSpec) {
  const amounts = { cpu, memory, ...(gpus > 0 ? { "nvidia.com/gpu": String(gpus) } : {}) };
  return { requests: amounts, limits: amounts };
}

/** Scores by "<task>:<metric>", in the syntax of the tasks that evaluate. */
export function minimumScores(scores: Readonly<Record<string, number>>): string {
  return Object.entries(scores)
    .map(([score, least]) => `${score}>=${least}`)
    .join(" ");
}

/** Name of a model's version in the registry: its commit, and how it was compressed. */
export function modelVersion(model: {
  readonly source: { readonly revision: string };
  readonly compress?: { readonly recipe: string } | undefined;
}): string {
  const commit = model.source.revision.slice(0, 12);
  return model.compress ? `${commit}-${model.compress.recipe}` : commit;
}
