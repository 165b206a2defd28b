/** Values of a planned run that only exist once other resources do. */
import type { PlannedRun } from "./model-runs.ts";

/** What another resource provides: the address or the manifest of the tested service, or the results of earlier runs. */
export type PendingValue =
  | "endpointUrl"
  | "inferenceService"
  | "storageUri"
  | "artifactsUri"
  | "baseStorageUri"
  | "baseArtifactsUri";

/** The placeholder of a param, as `npm run plan` prints it. */
export interface Pending {
  readonly pending: PendingValue;
}

export const pending = (value: PendingValue): Pending => ({ pending: value });

/**
 * The run with values instead of placeholders.
 * @throws Error if a value is missing.
 */
export function filled<Result extends string, Text>(
  run: PlannedRun<Result, Pending>,
  values: Readonly<Partial<Record<PendingValue, Text>>>,
): PlannedRun<Result, Text> {
  const params = run.spec.params.map(({ name, value }) => {
    if (!isPending(value)) return { name, value };
    const known = values[value.pending];
    if (known === undefined) throw new Error(`param ${name} has no value for ${value.pending}`);
    return { name, value: known };
  });
  return { ...run, spec: { ...run.spec, params } };
}

const isPending = (value: string | readonly string[] | Pending): value is Pending =>
  typeof value === "object" && "pending" in value;
