/** The commands with their operands and options, and the help that follows from them. */

export interface OptionDefinition {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: true;
  /** Placeholder of its value in the help. */
  readonly value?: string;
  readonly help: string;
}

export const options = {
  stack: { type: "string", value: "STACK", help: "stack whose configuration is read (default: dev)" },
  "config-file": {
    type: "string",
    value: "FILE",
    help: "config file to read instead of Pulumi.<stack>.yaml",
  },
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
    help: "the PipelineRun (default: the newest that is running, else the newest)",
  },
  param: {
    type: "string",
    multiple: true,
    value: "NAME=VALUE",
    help: "overrides a param of the pipeline; may be repeated",
  },
  "dry-run": { type: "boolean", help: "print the PipelineRun as YAML; start nothing, contact no cluster" },
  "cancel-on-interrupt": { type: "boolean", help: "Ctrl-C cancels the run (its finally tasks still run)" },
  output: {
    type: "string",
    short: "o",
    value: "text|json",
    help: "json: one document on stdout, all else on stderr",
  },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const satisfies Record<string, OptionDefinition>;

export type OptionName = keyof typeof options;

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

export interface CommandDefinition {
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
    summary:
      "make a ModelCar: pull, compress, evaluate, package, register; params can make it deploy and measure too",
    options: starting,
  },
  "monitor-pipeline": {
    summary: "watch any run to its end; shows why it failed",
    options: [...looking, "run", "cancel-on-interrupt"],
  },
  list: { summary: "the namespace's runs, newest first", options: looking },
  cancel: { operand: "run", summary: "cancel a run and wait until it has ended", options: looking },
} as const satisfies Record<string, CommandDefinition>;

export type CommandName = keyof typeof commands;

const program = "npm run pipelines --";

/** A command with its operand. */
function usage(command: CommandName): string {
  const { operand } = commands[command] as CommandDefinition;
  return `${command}${operand ? ` <${operand}>` : ""}`;
}

/** The help: one line per command. */
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
    `${program} <command> --help lists a command's options. Exit status: 0 done, 1 failed, 2 wrong usage, 130 Ctrl-C.`,
  ].join("\n");
}

/** The help of one command, with its options. */
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
