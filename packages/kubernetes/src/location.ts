/** Where a resource's cluster is. */

/** How a resource says it: by the content of a kubeconfig or a path to one, by the name of a context, or by both. */
export interface ClusterAccess {
  /** Context of the kubeconfig. Default: with `kubeconfig`, its current one. */
  readonly context?: string;
  /** Content of a kubeconfig, or the path of one. Default: as kubectl finds it, KUBECONFIG or ~/.kube/config. */
  readonly kubeconfig?: string;
}

/** Where to go now, and what people can set to go elsewhere. */
export interface Location extends ClusterAccess {
  /** The stack's config key that comes before the resource's own `context`. Default: none does. */
  readonly contextKey?: string;
}

interface StackConfig {
  get(key: string): string | undefined;
}

let stackConfig: StackConfig | undefined;

/** Called by Pulumi before anything else of a dynamic provider, once in a process for each text of one. */
export async function configure({ config }: { readonly config: StackConfig }) {
  stackConfig = config;
}

/**
 * The place that a resource's properties lead to. A context's name in state is that of the last `up`, and may be another
 * person's name for the cluster; so where there is a `contextKey`, the stack's config comes first. A kubeconfig of the
 * resource's own has names of its own.
 */
export function locate({ context, kubeconfig }: ClusterAccess, contextKey?: string): Location {
  if (kubeconfig !== undefined) return { kubeconfig, ...(context === undefined ? {} : { context }) };
  const chosen = (contextKey && stackConfig?.get(contextKey)) || context;
  return { ...(chosen === undefined ? {} : { context: chosen }), ...(contextKey ? { contextKey } : {}) };
}

/** Names the place in messages. Nothing of a kubeconfig's content is in it. */
export const nameOf = ({ context }: ClusterAccess): string =>
  context === undefined ? "the kubeconfig's current context" : `context "${context}"`;

/**
 * Whether another access must be written into a resource's state: a kubeconfig, because state's credentials may have ended; a
 * context only where the provider, as state has it, is of the time before {@link configure}. A change makes every output
 * unknown in a preview, so there is none without need.
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
