import type { Cluster } from "./client.ts";

interface Tail {
  /** Default 20. */
  readonly lines?: number;
  /** The container that ran before the present one. */
  readonly previous?: boolean;
}

/** The last lines of a container's log; none when it is empty. */
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

/** The last lines, indented for an error message; says why when the log cannot be had. */
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
