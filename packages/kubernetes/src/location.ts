/** How a resource's cluster is reached. */

/** A cluster by a kubeconfig (its content or a path), by the name of a context, or by both. */
export interface ClusterAccess {
  /** Context of the kubeconfig. Default: with `kubeconfig`, its current one. */
  readonly context?: string;
  /** Content of a kubeconfig, or a path. Default: the one that kubectl finds, KUBECONFIG or ~/.kube/config. */
  readonly kubeconfig?: string;
}

/** The effective access, and the config key by which users can change it. */
export interface Location extends ClusterAccess {
  /** Config key of the stack that overrides the resource's `context`. Default: none. */
  readonly contextKey?: string;
}

interface StackConfig {
  get(key: string): string | undefined;
}

let stackConfig: StackConfig | undefined;

/** Pulumi calls it before any other function of a dynamic provider, once per process for each provider text. */
export async function configure({ config }: { readonly config: StackConfig }) {
  stackConfig = config;
}

/**
 * The effective access of a resource. The context's name in state is that of the last `up`, and may be another person's name
 * for the cluster; so with a `contextKey` the stack's config takes precedence, unless the resource has its own kubeconfig,
 * whose context names are its own.
 */
export function locate({ context, kubeconfig }: ClusterAccess, contextKey?: string): Location {
  if (kubeconfig !== undefined) return { kubeconfig, ...(context === undefined ? {} : { context }) };
  const chosen = (contextKey && stackConfig?.get(contextKey)) || context;
  return { ...(chosen === undefined ? {} : { context: chosen }), ...(contextKey ? { contextKey } : {}) };
}

/** Name for messages. Contains nothing of the kubeconfig. */
export const nameOf = ({ context }: ClusterAccess): string =>
  context === undefined ? "the kubeconfig's current context" : `context "${context}"`;

/**
 * Whether a changed access must be stored in a resource's state: a kubeconfig always, because the credentials in state may have
 * expired; a context only if the provider in state is older than {@link configure}. A diff makes every output unknown in a
 * preview, so it is avoided otherwise.
 */
export function mustNoteAccess(
  olds: ClusterAccess & { readonly __provider?: string },
  news: ClusterAccess,
  contextKey?: string,
): boolean {
  if (olds.kubeconfig !== news.kubeconfig) return true;
  if (olds.context === news.context) return false;
  const isConfigured = contextKey !== undefined && news.kubeconfig === undefined;
  return !isConfigured || !olds.__provider?.includes("configure");
}
