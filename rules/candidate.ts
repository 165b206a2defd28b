/** Which models are measured as a service of their own before they are served, and what of them is judged. */

/** What is read of a model's test. Raw values of a config that is not checked yet fit too. */
interface Test {
  readonly base?: unknown;
  readonly evaluate?: { readonly gate?: unknown } | null | undefined;
  readonly benchmark?: { readonly gate?: unknown } | null | undefined;
}

/** What is read of a model. */
interface Measured {
  readonly serve?: { readonly stopped?: unknown } | null | undefined;
  readonly test?: Test | null | undefined;
}

/** Name of the service that a model is measured as before it is served. */
export const candidateName = (model: string): string => `${model}-candidate`;

/** Whether a test says what must hold before the model is served. */
export function isGated(test: Test | null | undefined): boolean {
  return [test?.evaluate, test?.benchmark].some((part) => part?.gate !== undefined && part.gate !== null);
}

/** Whether a model is measured before it is served: something must hold for it first, or it is not served at all. */
export function needsCandidate({ serve, test }: Measured): boolean {
  return test !== undefined && test !== null && (serve?.stopped === true || isGated(test));
}

/** Whether a model is compared with another, or must hold something before it is served. */
export function isCompared({ test }: Pick<Measured, "test">): boolean {
  return test !== undefined && test !== null && (test.base !== undefined || isGated(test));
}
