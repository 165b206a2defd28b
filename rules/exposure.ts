import { hostLabel } from "./addresses.ts";

/** Whether a model or the chat UI is reachable from outside the cluster. */
export function isExposed(
  endpoint: { readonly exposure?: string | undefined } | undefined,
  { exposed }: { readonly exposed?: boolean | undefined },
): boolean {
  return (endpoint?.exposure ?? "none") !== "none" && exposed !== false;
}

/** Host of an exposed model or chat UI; undefined if the cluster chooses it, as OpenShift does without a domain. */
export const externalHost = (
  name: string,
  namespace: string,
  domain: string | undefined,
): string | undefined => domain && `${hostLabel(name, namespace)}.${domain}`;
