import { ApiError, type Cluster, type KubernetesObject } from "./client.ts";

/** Uid of a namespace; undefined where there is none, empty for who may not read namespaces. */
export async function uidOf(cluster: Cluster, namespace: string): Promise<string | undefined> {
  try {
    const found = await cluster.get<KubernetesObject>(`/api/v1/namespaces/${namespace}`);
    return found && (found.metadata.uid ?? "");
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return "";
    throw error;
  }
}
