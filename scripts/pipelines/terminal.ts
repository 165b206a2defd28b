/** Where the commands' words go. */

export interface Terminal {
  /** What was asked for: stdout. */
  readonly result: (text: string) => void;
  /** How it goes: stdout too, but stderr where stdout has JSON alone. */
  readonly progress: (line: string) => void;
  /** What is wrong: stderr. */
  readonly problem: (line: string) => void;
}

/** How a command ended, as its exit status. Interrupted is what a shell says of Ctrl-C. */
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
