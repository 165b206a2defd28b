import type { Cluster } from "./client.ts";

interface Tail {
  /** Default 20. */
  readonly lines?: number;
  /** The log of the previous container. */
  readonly previous?: boolean;
}

/** The last lines of a container's log; none if it is empty. */
export async function logTail(
  cluster: Cluster,
  namespace: string,
  pod: string,
  container: string,
  options: Tail = {},
): Promise<string[]> {
  const query = {
    container,
    tailLines: String(options.lines ?? 20),
    ...(options.previous ? { previous: "true" } : {}),
  };
  const log = await cluster.text("GET", `/api/v1/namespaces/${namespace}/pods/${pod}/log`, { query });
  return log.trim() === "" ? [] : log.trimEnd().split("\n");
}

/** The last lines, indented for an error message; the reason if the log cannot be read. */
export async function lastLogLines(...of: Parameters<typeof logTail>): Promise<string> {
  try {
    const lines = await logTail(...of);
    return lines.length === 0
      ? "  (its log is empty)"
      : ["  last lines of its log:", ...lines.map((line) => `    ${line}`)].join("\n");
  } catch (error) {
    return `  (its log could not be read: ${(error as Error).message})`;
  }
}
