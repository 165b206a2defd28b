/** The functions behind the resource, for programs that start and watch runs without Pulumi. */
export { type Conventions, defaults, type LeftoverKind } from "./conventions.ts";
export { explainFailure } from "./failure.ts";
export { baseName, type Queue, type RunInputs, secondsOfDuration, timeoutOf } from "./inputs.ts";
export { removeLeftovers } from "./leftovers.ts";
export { outputsOf, type RunOutputs } from "./outputs.ts";
export { newestFirst } from "./ownership.ts";
export { queueMetadata, takeTurn } from "./queue.ts";
export { removeRuns } from "./remove.ts";
export { RunError, runToSuccess } from "./run.ts";
export type { Site } from "./site.ts";
export { cancel, stop, waitSeconds } from "./stop.ts";
export { outcomeOf, paths, pending, type Run, secondsOf, succeeded } from "./tekton-status.ts";
export { type Ended, watchRun } from "./watch-run.ts";
