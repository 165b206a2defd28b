/** How the pipelines are written down, and the Tekton Pipelines that follow. */
import type { Pipeline, PipelineTask, WhenExpression } from "./tekton.ts";
import { finallyTimeout, taskTimeout } from "./timeouts.ts";

/** A parameter: what it is for; with a default it can be left out. */
export type ParamDefinition = string | { readonly description: string; readonly default: string };

export interface StepDefinition {
  /** The Task. */
  readonly task: string;
  /** Default: the Task's own name. */
  readonly name?: string;
  /** Params that are called alike in the pipeline and in the Task. */
  readonly same?: readonly string[];
  /** Params with another value; may name params of the pipeline and results of its tasks. */
  readonly params?: Readonly<Record<string, string>>;
  readonly after?: readonly string[];
  readonly when?: readonly WhenExpression[];
  /** Workspaces, called alike in pipeline and Task. */
  readonly workspaces?: readonly string[];
}

export interface PipelineDefinition {
  readonly name: string;
  readonly description: string;
  readonly params: Readonly<Record<string, ParamDefinition>>;
  readonly workspaces: Readonly<
    Record<string, { readonly description: string; readonly optional?: boolean }>
  >;
  readonly steps: readonly StepDefinition[];
  /** What runs at the end, whatever happened before. */
  readonly finally?: readonly StepDefinition[];
  /** What a run reports: each a result of one of the steps. */
  readonly results: Readonly<Record<string, ResultDefinition>>;
}

export interface ResultDefinition {
  readonly step: string;
  /** Default: the name that the pipeline gives it. */
  readonly result?: string;
  readonly description: string;
}

/** The volume that tasks hand files over on. */
export const models = "models";

export const param = (name: string): string => `$(params.${name})`;
export const resultOf = (step: string, result: string): string => `$(tasks.${step}.results.${result})`;
export const runOnly = (input: string): WhenExpression[] => [{ input, operator: "in", values: ["true"] }];

const stepName = ({ name, task }: StepDefinition) => name ?? task;

/** The Tasks that a pipeline is made of. */
export function tasksOf({ steps, finally: last = [] }: PipelineDefinition): string[] {
  return [...new Set([...steps, ...last].map(({ task }) => task))];
}

/** Names of the pipeline's tasks with the Task of each. */
export function stepsOf({ steps, finally: last = [] }: PipelineDefinition) {
  return [...steps, ...last].map((step) => ({ name: stepName(step), task: step.task }));
}

/**
 * The Pipeline. `defaults` replace those of the params. Each task may take `timeoutMinutes`, because Tekton's own default of
 * an hour is too short for large models.
 */
export function pipelineOf(
  definition: PipelineDefinition,
  { namespace, timeoutMinutes }: { readonly namespace: string; readonly timeoutMinutes: number },
  defaults: Readonly<Record<string, string>> = {},
): Pipeline {
  const { name, description, params, workspaces, steps, results } = definition;
  const pipelineTask =
    (timeout: string) =>
    (step: StepDefinition): PipelineTask => ({
      name: stepName(step),
      taskRef: { kind: "Task", name: step.task },
      params: [
        ...(step.same ?? []).map((name) => ({ name, value: param(name) })),
        ...Object.entries(step.params ?? {}).map(([name, value]) => ({ name, value })),
      ],
      timeout,
      ...(step.after ? { runAfter: step.after } : {}),
      ...(step.when ? { when: step.when } : {}),
      ...(step.workspaces ? { workspaces: step.workspaces.map((name) => ({ name, workspace: name })) } : {}),
    });
  const last = definition.finally?.map(pipelineTask(finallyTimeout));
  return {
    apiVersion: "tekton.dev/v1",
    kind: "Pipeline",
    metadata: { name, namespace },
    spec: {
      description,
      params: Object.entries(params).map(([name, definition]) => {
        const { description, default: own } =
          typeof definition === "string" ? { description: definition, default: undefined } : definition;
        const value = defaults[name] ?? own;
        return { name, type: "string", description, ...(value === undefined ? {} : { default: value }) };
      }),
      workspaces: Object.entries(workspaces).map(([name, workspace]) => ({ name, ...workspace })),
      tasks: steps.map(pipelineTask(taskTimeout(timeoutMinutes))),
      ...(last ? { finally: last } : {}),
      results: Object.entries(results).map(([name, { step, result = name, description }]) => ({
        name,
        description,
        value: resultOf(step, result),
      })),
    },
  };
}
