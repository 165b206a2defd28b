/** Parses the command line. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import {
  type CommandDefinition,
  type CommandName,
  commandHelp,
  commands,
  help,
  type OptionDefinition,
  type OptionName,
  options,
} from "./commands.ts";

/** The command line is wrong; nothing was done. */
export class UsageError extends Error {
  /** The command whose help explains more, if it is known. */
  readonly command: CommandName | undefined;
  constructor(message: string, command?: CommandName) {
    super(message);
    this.command = command;
  }
}

export interface CommandLine {
  readonly command: CommandName;
  /** The model or the run; empty if the command takes none. */
  readonly operand: string;
  readonly stack: string;
  readonly configFile: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string | undefined;
  readonly run: string | undefined;
  readonly params: Readonly<Record<string, string>>;
  readonly dryRun: boolean;
  readonly cancelOnInterrupt: boolean;
  readonly output: "text" | "json";
}

/** Parses the arguments; returns the help text if they ask for it. Throws a UsageError. */
export function readCommandLine(args: readonly string[]): CommandLine | { readonly help: string } {
  const [command = "", ...rest] = args;
  if (["help", "--help", "-h"].includes(command))
    return { help: isCommand(rest[0]) ? commandHelp(rest[0]) : help() };
  if (!isCommand(command)) {
    throw new UsageError(command ? `unknown command "${command}"` : "missing command");
  }
  const { values, positionals } = parsed(command, rest);
  if (values.help) return { help: commandHelp(command) };
  const { operand } = commands[command] as CommandDefinition;
  const wanted = operand ? 1 : 0;
  if (positionals.length < wanted) throw new UsageError(`missing argument <${operand}>`, command);
  if (positionals.length > wanted) {
    throw new UsageError(`unexpected argument "${positionals[wanted]}"`, command);
  }
  const { output = "text" } = values;
  if (output !== "text" && output !== "json") {
    throw new UsageError(`--output is "${output}", but must be text or json`, command);
  }
  return {
    command,
    operand: positionals[0] ?? "",
    stack: values.stack ?? "dev",
    configFile: values["config-file"],
    context: values.context,
    namespace: values.namespace,
    run: values.run,
    params: paramsOf(values.param ?? [], command),
    dryRun: values["dry-run"] ?? false,
    cancelOnInterrupt: values["cancel-on-interrupt"] ?? false,
    output,
  };
}

const isCommand = (name: string | undefined): name is CommandName => Object.hasOwn(commands, name ?? "");

function parsed(command: CommandName, args: readonly string[]) {
  const allowed: readonly OptionName[] = [...commands[command].options, "help"];
  const config = Object.fromEntries(
    allowed.map((name) => {
      const { type, short, multiple }: OptionDefinition = options[name];
      return [name, { type, ...(short ? { short } : {}), ...(multiple ? { multiple } : {}) }];
    }),
  );
  try {
    // Typed with the options of all commands: those that this command does not take stay undefined.
    return parseArgs<{ options: typeof options; allowPositionals: true; args: string[] }>({
      args: [...args],
      options: config as typeof options,
      allowPositionals: true,
    } satisfies ParseArgsConfig);
  } catch (error) {
    // Node adds advice on operands that begin with a dash; there are none here.
    throw new UsageError((error as Error).message.replace(/\. To specify .*$/s, ""), command);
  }
}

function paramsOf(pairs: readonly string[], command: CommandName): Record<string, string> {
  const params: Record<string, string> = {};
  for (const pair of pairs) {
    const [, name, value] = /^([^=\s]+)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined || value === undefined) {
      throw new UsageError(`--param "${pair}" must be NAME=VALUE`, command);
    }
    if (Object.hasOwn(params, name)) throw new UsageError(`--param ${name} was given twice`, command);
    params[name] = value;
  }
  return params;
}
