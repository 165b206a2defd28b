/**
 * How long Tekton lets runs and their tasks take, in one place. A task that hangs ends by its own timeout, long before the
 * run's: that alone lets `finally` run on every Tekton. From 1.2 to 1.12 a run that meets `timeouts.tasks` ends without it
 * (tektoncd/pipeline#8982), and any version ends one so that meets `timeouts.pipeline`.
 */
import { goDuration } from "./tekton.ts";

/** For what runs at the end, all of it at once. remove-model waits ten minutes for a model's pods; the rest is for its own to start. */
export const finallyMinutes = 20;

/** Timeout of a task of the pipeline, which may take `timeoutMinutes`. */
export const taskTimeout = (timeoutMinutes: number): string => goDuration(timeoutMinutes);

/** Timeout of a task under `finally`. */
export const finallyTimeout: string = goDuration(finallyMinutes);

/**
 * `timeouts` of a PipelineRun, each of whose `taskCount` tasks may take `timeoutMinutes`: whichever hangs, and however long those
 * before it took, it ends by its own.
 */
export function runTimeouts(timeoutMinutes: number, taskCount: number) {
  const tasks = taskCount * timeoutMinutes;
  return {
    pipeline: goDuration(tasks + finallyMinutes),
    tasks: goDuration(tasks),
    finally: finallyTimeout,
  };
}
