import { warn } from "../engine-log.ts";
import { KubernetesClient, loadKubeConfig } from "./client.ts";
import type { ProviderConfig } from "./config.ts";

const REACHABLE_TIMEOUT_MS = 10_000;
const warned = new Set<string>();

/** The cluster that the provider is configured for. */
export interface Cluster {
  readonly config: ProviderConfig;
  readonly client: KubernetesClient;
  /** Why the API server cannot be used, if so. A preview does without it. */
  readonly unreachable?: string;
}

/** Connects to the cluster of `config`; fails only when the kubeconfig cannot be used. */
export async function connect(config: ProviderConfig, signal: AbortSignal): Promise<Cluster> {
  const client = new KubernetesClient(await loadKubeConfig(config), warnOnce);
  try {
    await client.serverVersion(AbortSignal.any([signal, AbortSignal.timeout(REACHABLE_TIMEOUT_MS)]));
    return { config, client };
  } catch (error) {
    return { config, client, unreachable: (error as Error).message };
  }
}

/** Shows a warning with the stack, once. */
export function warnOnce(message: string): void {
  if (warned.has(message)) return;
  warned.add(message);
  warn("", message);
}
