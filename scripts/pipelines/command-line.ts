/** What the command line can say: commands, operands, options, and the help that follows from them. */
import { type ParseArgsConfig, parseArgs } from "node:util";

/** The command line is wrong; nothing was done. */
export class UsageError extends Error {
  /** The command whose help tells more, if it is known. */
  readonly command: CommandName | undefined;
  constructor(message: string, command?: CommandName) {
    super(message);
    this.command = command;
  }
}

interface OptionDefinition {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: true;
  /** What stands for its value in the help. */
  readonly value?: string;
  readonly help: string;
}

const options = {
  stack: { type: "string", value: "STACK", help: "stack whose configuration is read (default: dev)" },
  "config-file": { type: "string", value: "FILE", help: "that file instead of Pulumi.<stack>.yaml" },
  context: {
    type: "string",
    value: "CONTEXT",
    help: "context of the kubeconfig (default: modelcar:kubeContext of the stack, never the current one)",
  },
  namespace: {
    type: "string",
    short: "n",
    value: "NAMESPACE",
    help: "namespace of the runs (default: the stack's)",
  },
  run: {
    type: "string",
    short: "r",
    value: "RUN",
    help: "the PipelineRun (default: the newest, one under way first)",
  },
  param: {
    type: "string",
    multiple: true,
    value: "NAME=VALUE",
    help: "another value for a param of the pipeline; may be repeated",
  },
  "dry-run": { type: "boolean", help: "print the PipelineRun as YAML, start nothing, ask no cluster" },
  "cancel-on-interrupt": { type: "boolean", help: "Ctrl-C cancels the run (its finally tasks still run)" },
  output: {
    type: "string",
    short: "o",
    value: "text|json",
    help: "json: one document on stdout, all else on stderr",
  },
  help: { type: "boolean", short: "h", help: "this text" },
} as const satisfies Record<string, OptionDefinition>;

type OptionName = keyof typeof options;

const starting = [
  "stack",
  "config-file",
  "context",
  "param",
  "dry-run",
  "cancel-on-interrupt",
  "output",
] as const;
const looking = ["stack", "config-file", "context", "namespace", "output"] as const;

interface CommandDefinition {
  readonly operand?: string;
  readonly summary: string;
  readonly options: readonly OptionName[];
}

export const commands = {
  "run-model-import": {
    operand: "model",
    summary: "import a model: from the hub into the object store or onto its volume, and into the registry",
    options: starting,
  },
  "run-model-testing": {
    operand: "model",
    summary: "test a served model: evaluation and benchmark, published in the registry",
    options: starting,
  },
  "run-modelcar": {
    operand: "model",
    summary: "make a ModelCar: pull, compress, evaluate, package, register, and by params deploy and measure",
    options: starting,
  },
  "monitor-pipeline": {
    summary: "watch a run to its end, whoever started it; tells why it failed",
    options: [...looking, "run", "cancel-on-interrupt"],
  },
  list: { summary: "the namespace's runs, newest first", options: looking },
  cancel: { operand: "run", summary: "cancel a run and wait until it has ended", options: looking },
} as const satisfies Record<string, CommandDefinition>;

export type CommandName = keyof typeof commands;

export interface CommandLine {
  readonly command: CommandName;
  /** The model or the run; empty where a command takes none. */
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

/** What the arguments say, or the help that they ask for. Throws a UsageError. */
export function readCommandLine(args: readonly string[]): CommandLine | { readonly help: string } {
  const [command = "", ...rest] = args;
  if (["help", "--help", "-h"].includes(command))
    return { help: isCommand(rest[0]) ? commandHelp(rest[0]) : help() };
  if (!isCommand(command)) {
    throw new UsageError(command ? `there is no command "${command}"` : "which command?");
  }
  const { values, positionals } = parsed(command, rest);
  if (values.help) return { help: commandHelp(command) };
  const { operand } = commands[command] as CommandDefinition;
  const wanted = operand ? 1 : 0;
  if (positionals.length < wanted) throw new UsageError(`which ${operand}?`, command);
  if (positionals.length > wanted) {
    throw new UsageError(`"${positionals[wanted]}" is one word too many`, command);
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
    // Of the whole table's types: what a command does not take stays undefined.
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
    if (Object.hasOwn(params, name)) throw new UsageError(`--param ${name} is given twice`, command);
    params[name] = value;
  }
  return params;
}

const program = "npm run pipelines --";

/** How a command is written. */
function usage(command: CommandName): string {
  const { operand } = commands[command] as CommandDefinition;
  return `${command}${operand ? ` <${operand}>` : ""}`;
}

/** The commands, each in a line. */
export function help(): string {
  const width = Math.max(...Object.keys(commands).map((name) => usage(name as CommandName).length));
  const lines = Object.entries(commands).map(
    ([name, { summary }]) => `  ${usage(name as CommandName).padEnd(width)}  ${summary}`,
  );
  return [
    `${program} <command>: runs of the stack's pipelines, outside Pulumi`,
    "",
    ...lines,
    "",
    `${program} <command> --help tells a command's options. Exit status: 0 done, 1 failed, 2 wrong usage, 130 Ctrl-C.`,
  ].join("\n");
}

/** One command with its options. */
export function commandHelp(command: CommandName): string {
  const names: readonly OptionName[] = [...commands[command].options, "help"];
  const rows = names.map((name) => {
    const { short, value, help }: OptionDefinition = options[name];
    return [`${short ? `-${short}, ` : "    "}--${name}${value ? ` ${value}` : ""}`, help] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `${program} ${usage(command)} [options]: ${commands[command].summary}`,
    "",
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
  ].join("\n");
}
