/** How callers of a model authenticate, and which of its objects the platform creates. */

/** Key of the Secret that holds a model's API key. */
export const apiKey = "api-key";

/** Secret with the API key of a model. */
export const apiKeySecretName = (model: string): string => `${model}-api-key`;

/** The parts of a model that matter here. */
interface Served {
  readonly name: string;
  readonly serve: { readonly mode: "kserve" | "deployment"; readonly auth: boolean };
}

/**
 * none: open to everyone who can reach it. platformToken: OpenShift AI's proxy requires the token of an account that may `get`
 * the InferenceService. apiKey: vLLM requires the key in the Secret.
 */
export type Authentication =
  | { readonly kind: "none" }
  | { readonly kind: "platformToken" }
  | { readonly kind: "apiKey"; readonly secret: { readonly name: string; readonly key: typeof apiKey } };

/** Whether OpenShift AI creates a model's Route, token check and ServiceMonitor. */
export function isManagedByOpenShiftAi(platform: string, { serve }: Pick<Served, "serve">): boolean {
  return platform === "openshift" && serve.mode === "kserve";
}

/** How a model's callers authenticate. */
export function authenticationOf(platform: string, model: Served): Authentication {
  if (!model.serve.auth) return { kind: "none" };
  if (isManagedByOpenShiftAi(platform, model)) return { kind: "platformToken" };
  return { kind: "apiKey", secret: { name: apiKeySecretName(model.name), key: apiKey } };
}
