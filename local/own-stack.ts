/** Restricts `npm run pulumi|preview|up|destroy` to the stack `local`, the only one that they are set up for. */
import { resolve } from "node:path";
import { type CommandLine, parseCommandLine } from "./command-line.ts";
import { projectDirectory } from "./paths.ts";
import { stackName } from "./stack-file.ts";

/** Flags that name a stack. */
const stackFlags = ["stack", "dest", "source", "copy-config-from"];
/** Commands whose operand names a stack. */
const namesStack = /^(cancel|stack (select|rm|remove|init|new|rename))$/;
/** Commands that take no operand here: an operand would be a template, or the name of a stack whose flag got lost. */
const takesNone = /^(up|update|preview|pre|destroy|down|dn|refresh|watch)$/;
/** Commands with subcommands. */
const groups = /^(stack|config|state|plugin|package|policy)$/;
/** Environment variables with the effect of a flag: the CLI's own, and those of npm for a flag before the `--` of `npm run`. */
const variables = {
  PULUMI_STACK: "stack",
  PULUMI_OPTION_STACK: "stack",
  PULUMI_OPTION_DEST: "dest",
  PULUMI_OPTION_SOURCE: "source",
  PULUMI_OPTION_COPY_CONFIG_FROM: "copy-config-from",
  PULUMI_OPTION_CWD: "cwd",
  PULUMI_OPTION_CONFIG_FILE: "config-file",
  npm_config_stack: "stack",
  npm_config_dest: "dest",
  npm_config_source: "source",
  npm_config_copy_config_from: "copy-config-from",
  npm_config_cwd: "cwd",
  npm_config_config_file: "config-file",
} as const;

const only = `npm run here is for the stack ${stackName} only`;

/**
 * Why these arguments of the CLI are refused, in one sentence that says what to run instead; undefined if they are for the
 * stack `local` of this project with its own configuration. It contains no value that may be secret.
 */
export function refusal(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const line = parseCommandLine(args);
  return inFlags(line) ?? inWords(line) ?? inEnvironment(line, environment);
}

function inFlags(line: CommandLine): string | undefined {
  for (const { name, value = "", text } of line.flags) {
    const why = refused(name, value);
    if (why) return `${only}, ${why}: run ${plain(line, text)}`;
  }
  return undefined;
}

function inWords(line: CommandLine): string | undefined {
  const [command = "", second = ""] = line.words;
  if (command === "new") return `${only}, and makes no other project: run pulumi new in an empty folder`;
  if (takesNone.test(command)) {
    return second ? `${only}, not for ${second}: run ${plain(line, `--stack ${second}`)}` : undefined;
  }
  const [path, operand] = command === "stack" ? [`stack ${second}`, line.words[2]] : [command, line.words[1]];
  if (!namesStack.test(path)) return undefined;
  if (operand !== undefined)
    return isOwn(operand) ? undefined : `${only}, not for ${operand}: run pulumi ${path} ${operand}`;
  const named = line.flags.some(({ name }) => name === "stack");
  return /init|new|rename/.test(path) && !named
    ? `${only}, and makes no other one: run pulumi ${path}`
    : undefined;
}

function inEnvironment(
  line: CommandLine,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  for (const [variable, name] of Object.entries(variables)) {
    const value = environment[variable];
    // The CLI ignores an empty one.
    if (!value || refused(name, value) === undefined) continue;
    const instead = plain(line, `--${name} ${value}`);
    if (!variable.startsWith("npm_"))
      return `${only}, and ${variable} is ${value}: unset it, or run ${instead}`;
    // npm took the flag for a switch; its value may be among the operands.
    if (value === "true") return `${only}, and npm took --${name}: run ${plain(line, `--${name}`)} <name>`;
    return `${only}, ${refused(name, value)}: run ${instead}`;
  }
  return undefined;
}

/** Why a flag's value is refused; undefined if it is this stack's. */
function refused(name: string, value: string): string | undefined {
  if (stackFlags.includes(name)) return isOwn(value) ? undefined : `not for ${value || "one without a name"}`;
  if (name === "cwd") {
    return resolve(projectDirectory, value) === projectDirectory ? undefined : `not for what is in ${value}`;
  }
  return name === "config-file" ? `whose configuration is not ${value}` : undefined;
}

/** With a file backend, the CLI also takes the qualified name. */
const isOwn = (name: string): boolean => name === stackName || name === `organization/modelcar/${stackName}`;

/** The command to run with the CLI itself; other arguments are left out. */
function plain({ words, flags }: CommandLine, flag: string): string {
  const [command = "", second = ""] = words;
  const shown = groups.test(command) ? [command, second] : [command];
  const more = takesNone.test(command) ? 0 : words.length - shown.length;
  const others = flags.filter(({ name, text }) => name !== "diff" && !flag.startsWith(text)).length;
  return ["pulumi", ...shown, ...(more + others > 0 ? ["…"] : []), flag].filter(Boolean).join(" ");
}
