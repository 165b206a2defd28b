import { ApiError, type Cluster, type KubernetesObject } from "./client.ts";

/** Uid of a namespace; undefined if it does not exist, empty without permission to read it. */
export async function uidOf(cluster: Cluster, namespace: string): Promise<string | undefined> {
  try {
    const found = await cluster.get<KubernetesObject>(`/api/v1/namespaces/${namespace}`);
    return found && (found.metadata.uid ?? "");
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return "";
    throw error;
  }
}
