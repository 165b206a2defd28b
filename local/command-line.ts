/** Parses a command line into words and flags as version 3.250 of the Pulumi CLI does. */

/** A flag by its long name, or by its letter if it has no known long name; `value` is undefined for a switch. */
export interface Flag {
  readonly name: string;
  readonly value: string | undefined;
  /** The flag as it was written. */
  readonly text: string;
}

export interface CommandLine {
  /** Commands and operands, the command first: `stack`, `select`, `dev`. */
  readonly words: readonly string[];
  readonly flags: readonly Flag[];
  /** Index of the command among the arguments; -1 if there is none. */
  readonly commandAt: number;
}

/** Flags that take a value. All others are switches, which take a value only after an equals sign. */
const valued = new Set(
  (
    "client cloud-url color config config-file copy-config-from cwd description dest event-log exclude exec-agent exec-kind " +
    "field file format from function generate-resources import-file import-pending-creates lifetime memprofilerate message " +
    "method module name organization otel-traces out output parallel parent plan policy-pack policy-pack-config profiling " +
    "project properties provider query raw-field replace resource save-plan secrets-provider source stack tag target " +
    "target-replace teams tracing tracing-header type verbose"
  ).split(" "),
);
/** Switches that every command has. Before the command, the CLI takes the word after any other flag as its value. */
const switchesOfAll =
  /^(-[eQh]|--(disable-integrity-checking|emoji|fully-qualify-stack-names|help|logflow|logtostderr|non-interactive|version))$/;
const letters: Readonly<Record<string, string>> = { C: "cwd", s: "stack", v: "verbose" };
const lettersOfUpdates = { c: "config", m: "message", p: "parallel", t: "target", x: "exclude" };
/** Additional letters of flags with a value, by command; any other letter is a switch. */
const lettersOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ...Object.fromEntries(
    "up update preview pre destroy down dn refresh watch"
      .split(" ")
      .map((command) => [command, lettersOfUpdates]),
  ),
  api: { F: "field", X: "method", f: "raw-field" },
  config: { d: "dest" },
  env: { f: "file", l: "lifetime", o: "organization", p: "project" },
  import: { f: "file", m: "message", o: "out", p: "parallel" },
  insights: { q: "query" },
  login: { c: "cloud-url" },
  logout: { c: "cloud-url" },
  logs: { r: "resource" },
  new: { c: "config", d: "description", n: "name" },
  org: { q: "query" },
  package: { d: "description", f: "function", m: "module", n: "name", o: "out", r: "resource" },
  plugin: { f: "file" },
  project: { c: "config", d: "description", n: "name", o: "organization" },
  stack: { o: "organization", p: "project", t: "tag" },
};

/** Parses arguments of the CLI. A value that is missing at the end is empty. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const words: string[] = [];
  const flags: Flag[] = [];
  const commandAt = commandIn(args);
  const command = args[commandAt];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] as string;
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      if (at === commandAt) words.unshift(arg);
      else words.push(arg);
      continue;
    }
    const { name, value } = arg.startsWith("--") ? longFlag(arg) : shortFlag(arg, command);
    const hasValue = valued.has(name) || (command === "watch" && name === "path");
    const follows = value === undefined && hasValue;
    if (follows) at += 1;
    const given = follows ? (args[at] ?? "") : value;
    flags.push({ name, value: given, text: follows ? `${arg} ${given}`.trimEnd() : arg });
  }
  return { words, flags, commandAt };
}

/** Index of the command: any flag before it takes the next word, unless it has a "=" or is a switch of all commands. */
function commandIn(args: readonly string[]): number {
  for (let at = 0; at < args.length && args[at] !== "--"; at += 1) {
    const arg = args[at] as string;
    if (!arg.startsWith("-")) return at;
    const alone = /^(-[^-]|--[^=]+)$/.test(arg) && !switchesOfAll.test(arg);
    if (alone) at += 1;
  }
  return -1;
}

function longFlag(arg: string): { name: string; value: string | undefined } {
  const [, name = "", value] = /^--([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
  return { name, value };
}

/** Switches may be combined before a letter that takes a value: -ys dev, -ysdev, -ys=dev. */
function shortFlag(arg: string, command = ""): { name: string; value: string | undefined } {
  const known = { ...letters, ...lettersOf[command] };
  for (let at = 1; at < arg.length; at += 1) {
    const name = known[arg[at] as string];
    if (name === undefined) continue;
    const rest = arg.slice(at + 1).replace(/^=/, "");
    return { name, value: rest === "" ? undefined : rest };
  }
  return { name: arg.slice(1), value: undefined };
}
