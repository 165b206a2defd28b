/** Parses the command line of `npm run report`, and has its help. */
import { parseArgs } from "node:util";

const options = {
  stack: { type: "string", value: "STACK", help: "stack whose object store is read (default: local)" },
  "config-file": {
    type: "string",
    value: "FILE",
    help: "config file to read instead of Pulumi.<stack>.yaml",
  },
  context: {
    type: "string",
    value: "CONTEXT",
    help: "the kubeconfig's context (default: the stack's modelcar:kubeContext, never the current one)",
  },
  markdown: { type: "boolean", help: "print report.md to stdout, and nothing else" },
  json: { type: "boolean", help: "print comparison.json to stdout, and nothing else" },
  directory: {
    type: "string",
    value: "DIRECTORY",
    help: "where the page is saved (default: .local/reports for stack local, reports for others)",
  },
  "no-open": { type: "boolean", help: "save the page without opening it" },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const;

type OptionName = keyof typeof options;

/** The command line is wrong; nothing was done. The message lists every mistake. */
export class UsageError extends Error {}

export interface CommandLine {
  /** Default: the newest report of any model. */
  readonly model: string | undefined;
  readonly stack: string;
  readonly configFile: string | undefined;
  readonly context: string | undefined;
  /** The requested file of the report: the page is saved, the others are printed. */
  readonly file: "report.html" | "report.md" | "comparison.json";
  readonly directory: string | undefined;
  readonly open: boolean;
}

/** Parses the arguments; returns the help text if they ask for it. Throws a UsageError. */
export function readCommandLine(args: readonly string[]): CommandLine | { readonly help: string } {
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options,
    allowPositionals: true,
    // Node would stop at the first mistake.
    strict: false,
    tokens: true,
  });
  const texts: Partial<Record<OptionName, string>> = {};
  const mistakes: string[] = [];
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { rawName, value, inlineValue } = token;
    if (!isOption(token.name)) mistakes.push(`unknown option ${rawName}`);
    else if (options[token.name].type === "boolean") {
      texts[token.name] = "true";
      if (value !== undefined) mistakes.push(`${rawName} takes no value, but got "${value}"`);
    } else if (!value || (!inlineValue && value.startsWith("-"))) mistakes.push(`${rawName} needs a value`);
    else texts[token.name] = value;
  }
  if (texts.help) return { help: help() };
  const [model, ...more] = positionals;
  if (model === "") mistakes.push("the model's name is empty");
  for (const word of more) mistakes.push(`unexpected argument "${word}": give at most one model`);
  if (texts.json && texts.markdown) mistakes.push("--json and --markdown cannot be combined");
  if (texts.directory && (texts.json || texts.markdown)) {
    mistakes.push(
      `--directory is for the page: with ${texts.json ? "--json" : "--markdown"} nothing is saved`,
    );
  }
  if (mistakes.length > 0) throw new UsageError(mistakes.join("\n       "));
  return {
    model,
    stack: texts.stack ?? "local",
    configFile: texts["config-file"],
    context: texts.context,
    file: texts.json ? "comparison.json" : texts.markdown ? "report.md" : "report.html",
    directory: texts.directory,
    open: !texts["no-open"],
  };
}

const isOption = (name: string): name is OptionName => Object.hasOwn(options, name);

export function help(): string {
  const rows = Object.entries(options).map(([name, option]) => {
    const short = "short" in option ? `-${option.short}, ` : "    ";
    const value = "value" in option ? ` ${option.value}` : "";
    return [`${short}--${name}${value}`, option.help] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    "npm run report -- [MODEL] [options]: the newest report of MODEL, or of any, saved and opened",
    "",
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    "",
    "For scripts: npm run --silent report -- --json (without --silent npm writes two lines of its own first).",
    "Exit status: 0 done, whatever the verdict; 1 failed; 2 wrong usage.",
  ].join("\n");
}
