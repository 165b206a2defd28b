/** Who checks the callers of a model, and which of its objects the platform makes itself. */

/** Key of the Secret that holds a model's API key. */
export const apiKey = "api-key";

/** Secret of a model that checks its callers itself. */
export const apiKeySecretName = (model: string): string => `${model}-api-key`;

/** What is read of a model. */
interface Served {
  readonly name: string;
  readonly serve: { readonly mode: "kserve" | "deployment"; readonly auth: boolean };
}

/**
 * none: whoever reaches it may ask it. platformToken: OpenShift AI's proxy asks for the token of an account that may `get` the
 * InferenceService. apiKey: vLLM itself asks for what the Secret holds.
 */
export type Authentication =
  | { readonly kind: "none" }
  | { readonly kind: "platformToken" }
  | { readonly kind: "apiKey"; readonly secret: { readonly name: string; readonly key: typeof apiKey } };

/** Whether OpenShift AI makes a model's Route, token check and ServiceMonitor itself. */
export function isManagedByOpenShiftAi(platform: string, { serve }: Pick<Served, "serve">): boolean {
  return platform === "openshift" && serve.mode === "kserve";
}

/** How a model's callers are checked. */
export function authenticationOf(platform: string, model: Served): Authentication {
  if (!model.serve.auth) return { kind: "none" };
  if (isManagedByOpenShiftAi(platform, model)) return { kind: "platformToken" };
  return { kind: "apiKey", secret: { name: apiKeySecretName(model.name), key: apiKey } };
}
