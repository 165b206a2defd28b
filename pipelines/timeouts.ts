/**
 * Timeouts of runs and their tasks. A task that hangs reaches its own timeout long before the run's: only then does every
 * version of Tekton run `finally`. From 1.2 to 1.12 a run that exceeds `timeouts.tasks` ends without `finally`
 * (tektoncd/pipeline#8982), and in every version so does a run that exceeds `timeouts.pipeline`.
 */
import { goDuration } from "./tekton.ts";

/** For all `finally` tasks, which run in parallel: remove-model waits ten minutes for a model's pods, the rest is for its own start. */
export const finallyMinutes = 20;

/** Timeout of a pipeline task. */
export const taskTimeout = (timeoutMinutes: number): string => goDuration(timeoutMinutes);

/** Timeout of a task under `finally`. */
export const finallyTimeout: string = goDuration(finallyMinutes);

/**
 * `timeouts` of a PipelineRun with `taskCount` tasks of `timeoutMinutes` each: long enough that a task that hangs always reaches
 * its own timeout first.
 */
export function runTimeouts(timeoutMinutes: number, taskCount: number) {
  const tasks = taskCount * timeoutMinutes;
  return {
    pipeline: goDuration(tasks + finallyMinutes),
    tasks: goDuration(tasks),
    finally: finallyTimeout,
  };
}
