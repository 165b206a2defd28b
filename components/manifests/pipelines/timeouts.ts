/**
 * How long Tekton lets runs and their tasks take, in one place. A task that hangs ends by its own timeout, long before the
 * run's: that alone lets `finally` run on every Tekton. From 1.2 to 1.12 a run that meets `timeouts.tasks` ends without it
 * (tektoncd/pipeline#8982), and any version ends one so that meets `timeouts.pipeline`.
 */
import { goDuration } from "../tekton.ts";

/** For what runs at the end, all of it at once. remove-model waits ten minutes for a model's pods; the rest is for its own to start. */
export const finallyMinutes = 20;

/** Of all tasks together, in times of one: whichever hangs, those before it took less than one. */
const tasksTogether = 2;

/** Timeout of a task of the pipeline, which may take `timeoutMinutes`. */
export const taskTimeout = (timeoutMinutes: number): string => goDuration(timeoutMinutes);

/** Timeout of a task under `finally`. */
export const finallyTimeout: string = goDuration(finallyMinutes);

/** `timeouts` of a PipelineRun, each of whose tasks may take `timeoutMinutes`. */
export function runTimeouts(timeoutMinutes: number) {
  const tasks = tasksTogether * timeoutMinutes;
  return {
    pipeline: goDuration(tasks + finallyMinutes),
    tasks: goDuration(tasks),
    finally: finallyTimeout,
  };
}
