import type { Cluster } from "./client.ts";

/** The last lines of a container's log, indented for an error message; says why when the log cannot be had. */
export async function lastLogLines(
  cluster: Cluster,
  namespace: string,
  pod: string,
  container: string,
  options: { readonly lines?: number; readonly previous?: boolean } = {},
): Promise<string> {
  const query = {
    container,
    tailLines: String(options.lines ?? 20),
    ...(options.previous ? { previous: "true" } : {}),
  };
  try {
    const log = await cluster.text("GET", `/api/v1/namespaces/${namespace}/pods/${pod}/log`, { query });
    const lines = log.trimEnd().split("\n");
    return log.trim() === ""
      ? "  (its log is empty)"
      : ["  last lines of its log:", ...lines.map((l) => `    ${l}`)].join("\n");
  } catch (error) {
    return `  (its log could not be read: ${(error as Error).message})`;
  }
}
