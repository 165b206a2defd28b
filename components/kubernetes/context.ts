/**
 * Which context a provider's process goes by. State holds the one that a resource was made with, and that may be another
 * person's name for the cluster; so the stack's own config comes first, which Pulumi hands to dynamic providers.
 */
let configured: string | undefined;

/** Called by Pulumi before anything else of a dynamic provider, once in a process for each text of one. */
export async function configure({ config }: { config: { get(key: string): string | undefined } }) {
  configured = config.get("modelcar:kubeContext") || undefined;
}

/** The context of the stack's config; the resource's own where Pulumi has told none. */
export const contextOf = ({ context }: { readonly context: string }): string => configured ?? context;

/**
 * Whether a change of context must be written into a resource's state: only where its provider, as state has it, is of the
 * time before {@link configure}. A change makes every output unknown in a preview, so there is none without need.
 */
export function mustNoteContext(
  olds: { readonly context: string; readonly __provider?: string },
  news: { readonly context: string },
): boolean {
  return olds.context !== news.context && !olds.__provider?.includes("configure");
}
