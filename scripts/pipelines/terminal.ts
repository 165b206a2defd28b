/** Where the commands' output goes. */

export interface Terminal {
  /** The requested output, on stdout. */
  readonly result: (text: string) => void;
  /** Progress, on stdout; on stderr if stdout must only contain JSON. */
  readonly progress: (line: string) => void;
  /** Errors and warnings, on stderr. */
  readonly problem: (line: string) => void;
}

/** Exit statuses. `interrupted` is what a shell reports for Ctrl-C. */
export const exit = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;
export type ExitStatus = (typeof exit)[keyof typeof exit];

/** The process's own streams. Lines are never rewritten, so a log file has what a person sees. */
export function processTerminal(output: "text" | "json"): Terminal {
  const problem = (line: string) => console.error(line);
  const result = (text: string) => console.log(text);
  return { result, problem, progress: output === "json" ? problem : result };
}

/** Columns of text, each as wide as its widest value. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((value, column) => value.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
