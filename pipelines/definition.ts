/** The definitions of pipelines, and the Tekton Pipelines built from them. */
import type { Pipeline, PipelineTask, WhenExpression } from "./tekton.ts";
import { finallyTimeout, taskTimeout } from "./timeouts.ts";

/** A param: its description, and its default if it is optional. */
export type ParamDefinition = string | { readonly description: string; readonly default: string };

export interface PipelineTaskDefinition {
  /** Name of the Task. */
  readonly task: string;
  /** Name of the pipeline task. Default: the Task's. */
  readonly name?: string;
  /** Params with the same name in the pipeline and in the Task. */
  readonly same?: readonly string[];
  /** Other params by their value, which may refer to params of the pipeline and results of its tasks. */
  readonly params?: Readonly<Record<string, string>>;
  readonly after?: readonly string[];
  readonly when?: readonly WhenExpression[];
  /** Workspaces with the same name in pipeline and Task. */
  readonly workspaces?: readonly string[];
}

export interface PipelineDefinition {
  readonly name: string;
  readonly description: string;
  readonly params: Readonly<Record<string, ParamDefinition>>;
  readonly workspaces: Readonly<
    Record<string, { readonly description: string; readonly optional?: boolean }>
  >;
  readonly tasks: readonly PipelineTaskDefinition[];
  /** Tasks that run at the end, even after a failure. */
  readonly finally?: readonly PipelineTaskDefinition[];
  /** Results of a run, by name. */
  readonly results: Readonly<Record<string, ResultDefinition>>;
}

export interface ResultDefinition {
  /** Name of the pipeline task that has the result. */
  readonly task: string;
  /** Name in the task. Default: the pipeline's name for it. */
  readonly result?: string;
  readonly description: string;
}

/** Workspace with the volume that passes files between tasks. */
export const models = "models";

export const param = (name: string): string => `$(params.${name})`;
export const resultOf = (task: string, result: string): string => `$(tasks.${task}.results.${result})`;
export const runOnly = (input: string): WhenExpression[] => [{ input, operator: "in", values: ["true"] }];

const nameOf = ({ name, task }: PipelineTaskDefinition) => name ?? task;

/** Names of the Tasks that a pipeline uses. */
export function tasksOf({ tasks, finally: last = [] }: PipelineDefinition): string[] {
  return [...new Set([...tasks, ...last].map(({ task }) => task))];
}

/** The pipeline tasks, including `finally`: their names and their Tasks. */
export function pipelineTasksOf({ tasks, finally: last = [] }: PipelineDefinition) {
  return [...tasks, ...last].map((each) => ({ name: nameOf(each), task: each.task }));
}

/**
 * The Pipeline. `defaults` replace those of the params. `timeoutMinutes` is the timeout of each task, because Tekton's default, an
 * hour, is too short for large models.
 */
export function pipelineOf(
  definition: PipelineDefinition,
  { namespace, timeoutMinutes }: { readonly namespace: string; readonly timeoutMinutes: number },
  defaults: Readonly<Record<string, string>> = {},
): Pipeline {
  const { name, description, params, workspaces, tasks, results } = definition;
  const pipelineTask =
    (timeout: string) =>
    (each: PipelineTaskDefinition): PipelineTask => ({
      name: nameOf(each),
      taskRef: { kind: "Task", name: each.task },
      params: [
        ...(each.same ?? []).map((name) => ({ name, value: param(name) })),
        ...Object.entries(each.params ?? {}).map(([name, value]) => ({ name, value })),
      ],
      timeout,
      ...(each.after ? { runAfter: each.after } : {}),
      ...(each.when ? { when: each.when } : {}),
      ...(each.workspaces ? { workspaces: each.workspaces.map((name) => ({ name, workspace: name })) } : {}),
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
      tasks: tasks.map(pipelineTask(taskTimeout(timeoutMinutes))),
      ...(last ? { finally: last } : {}),
      results: Object.entries(results).map(([name, { task, result = name, description }]) => ({
        name,
        description,
        value: resultOf(task, result),
      })),
    },
  };
}
