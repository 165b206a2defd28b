/** Which models are measured as a candidate, a separate service, before they are served, and which are compared. */

/** The parts of a model's test that matter here. Also fits raw config that is not validated yet. */
interface Test {
  readonly base?: unknown;
  readonly evaluate?: { readonly gate?: unknown } | null | undefined;
  readonly benchmark?: { readonly gate?: unknown } | null | undefined;
}

/** The parts of a model that matter here. */
interface Measured {
  readonly serve?: { readonly stopped?: unknown } | null | undefined;
  readonly test?: Test | null | undefined;
}

/** Name of a model's candidate. */
export const candidateName = (model: string): string => `${model}-candidate`;

/** Whether a test has a gate. */
export function isGated(test: Test | null | undefined): boolean {
  return [test?.evaluate, test?.benchmark].some((part) => part?.gate !== undefined && part.gate !== null);
}

/** Whether a model is measured as a candidate: it has a gate, or it is stopped. */
export function needsCandidate({ serve, test }: Measured): boolean {
  return test !== undefined && test !== null && (serve?.stopped === true || isGated(test));
}

/** Whether a model has a base or a gate. */
export function isCompared({ test }: Pick<Measured, "test">): boolean {
  return test !== undefined && test !== null && (test.base !== undefined || isGated(test));
}
