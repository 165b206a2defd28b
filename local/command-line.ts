/** The words and flags of a command line of Pulumi's CLI, told apart as the CLI tells them. Of version 3.250. */

/** A flag by its long name, or by its letter where it has only been given so; `value` is undefined for a switch. */
export interface Flag {
  readonly name: string;
  readonly value: string | undefined;
  /** As it was written. */
  readonly text: string;
}

export interface CommandLine {
  /** Commands and operands: `stack`, `select`, `dev`. */
  readonly words: readonly string[];
  readonly flags: readonly Flag[];
  /** Where the first word is among the arguments; -1 without one. */
  readonly commandAt: number;
}

/** Flags that are followed by a value. All others are switches, whose value, if any, comes after an equals sign. */
const valued = new Set(
  (
    "client color config config-file copy-config-from cwd dest event-log exclude exec-agent exec-kind file from " +
    "generate-resources import-file memprofilerate message otel-traces out output parallel parent plan policy-pack " +
    "policy-pack-config profiling properties provider replace save-plan secrets-provider source stack target " +
    "target-replace teams tracing tracing-header type verbose"
  ).split(" "),
);
const letters: Readonly<Record<string, string>> = { C: "cwd", s: "stack", v: "verbose" };
/** Letters that mean something else, or nothing, in other commands. */
const lettersOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  stack: {},
  cancel: {},
  config: { d: "dest" },
  import: { f: "file", m: "message", o: "out", p: "parallel" },
};
const lettersOfUpdates: Readonly<Record<string, string>> = {
  c: "config",
  m: "message",
  p: "parallel",
  t: "target",
  x: "exclude",
};

/** Values that are missing at the end are empty. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const words: string[] = [];
  const flags: Flag[] = [];
  let commandAt = -1;
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] as string;
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      if (words.length === 0) commandAt = at;
      words.push(arg);
      continue;
    }
    const { name, value } = arg.startsWith("--") ? longFlag(arg) : shortFlag(arg, words[0]);
    const follows = value === undefined && valued.has(name);
    if (follows) at += 1;
    const given = follows ? (args[at] ?? "") : value;
    flags.push({ name, value: given, text: follows ? `${arg} ${given}`.trimEnd() : arg });
  }
  return { words, flags, commandAt };
}

function longFlag(arg: string): { name: string; value: string | undefined } {
  const [, name = "", value] = /^--([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
  return { name, value };
}

/** Switches may stand together before a letter that has a value: -ys dev, -ysdev, -ys=dev. */
function shortFlag(arg: string, command = ""): { name: string; value: string | undefined } {
  const known = { ...letters, ...(lettersOf[command] ?? lettersOfUpdates) };
  for (let at = 1; at < arg.length; at += 1) {
    const name = known[arg[at] as string];
    if (name === undefined) continue;
    const rest = arg.slice(at + 1).replace(/^=/, "");
    return { name, value: rest === "" ? undefined : rest };
  }
  return { name: arg.slice(1), value: undefined };
}
