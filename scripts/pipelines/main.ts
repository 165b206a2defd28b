/** The commands: each reads the configuration, calls the cluster, and returns an exit status. */

import type { Cluster } from "@modelcar/kubernetes/client";
import { stringify } from "yaml";
import type { Config } from "../../config/config.ts";
import { type CommandLine, readCommandLine, UsageError } from "./command-line.ts";
import { commandHelp, help } from "./commands.ts";
import { manifestOf, modelOf, PlanError, planRun, type RunCommand } from "./plan.ts";
import { runNamed, runsOf, runTable, stateOf } from "./runs.ts";
import { readStackConfig, stackFile } from "./stack-config.ts";
import { endpointOf, startRun, waitForTurn } from "./start.ts";
import { type ExitStatus, exit, type Terminal } from "./terminal.ts";
import { cancelRun, type Place, watchToEnd } from "./watch.ts";

/** What the commands need from their surroundings. */
export interface World {
  /** The project's directory, where Pulumi's files are. */
  readonly directory: string;
  readonly connect: (context: string) => Cluster;
  readonly terminal: (output: "text" | "json") => Terminal;
  /** The file of a stack that is not beside Pulumi.yaml. Default: there is none. */
  readonly fileOf?: (stack: string) => string | undefined;
}

/** Runs a command and returns the process's exit status. Never throws. */
export async function main(args: readonly string[], world: World): Promise<ExitStatus> {
  let terminal = world.terminal("text");
  try {
    const line = readCommandLine(args);
    if ("help" in line) {
      terminal.result(line.help);
      return exit.success;
    }
    terminal = world.terminal(line.output);
    return await run(line, world, terminal);
  } catch (error) {
    if (error instanceof UsageError) {
      const { command } = error;
      const more = command ? commandHelp(command) : help();
      terminal.problem(`error: ${error.message}\n\n${more}`);
      return exit.usage;
    }
    terminal.problem(`error: ${(error as Error).message}`);
    return exit.failure;
  }
}

async function run(line: CommandLine, world: World, terminal: Terminal): Promise<ExitStatus> {
  switch (line.command) {
    case "run-model-import":
    case "run-model-testing":
    case "run-modelcar":
      return start(line.command, line, world, terminal);
    case "monitor-pipeline":
      return monitor(line, world, terminal);
    case "list":
      return list(line, world, terminal);
    case "cancel":
      return cancel(line, world, terminal);
  }
}

async function start(command: RunCommand, line: CommandLine, world: World, terminal: Terminal) {
  const config = configOf(line, world);
  const context = writableContext(line, config);
  const model = modelOf(config, line.operand);
  const { params, stack } = line;
  if (line.dryRun) {
    const manifest = manifestOf(config, planRun(command, config, model.name, params));
    terminal.result(
      line.output === "json" ? JSON.stringify(manifest, null, 2) : stringify(manifest).trimEnd(),
    );
    return exit.success;
  }
  // The configuration is checked before the first call to the cluster.
  const draft = planRun(command, config, model.name, params);
  const cluster = world.connect(context);
  const asksEndpoint = command === "run-model-testing" && params.ENDPOINT_URL === undefined;
  const plan = asksEndpoint
    ? planRun(command, config, model.name, params, await endpointOf(cluster, config, model))
    : draft;
  const started = await startRun(cluster, config, stack, plan, terminal.progress);
  const place = placeOf(line, cluster, context, config.namespace, config);
  const before = () => waitForTurn(cluster, config, started, plan, terminal.progress);
  return watchToEnd(place, started, { ...line, before }, terminal);
}

async function monitor(line: CommandLine, world: World, terminal: Terminal) {
  if (line.cancelOnInterrupt) writableContext(line, configOf(line, world));
  const place = readablePlace(line, world);
  const found = await runNamed(place.cluster, place.namespace, line.run);
  return watchToEnd(place, found, line, terminal);
}

async function list(line: CommandLine, world: World, terminal: Terminal) {
  const { cluster, namespace, context } = readablePlace(line, world);
  const runs = await runsOf(cluster, namespace);
  if (line.output === "json") terminal.result(JSON.stringify(runs.map(stateOf), null, 2));
  else if (runs.length === 0) terminal.result(`no runs in namespace ${namespace} of ${context}`);
  else terminal.result(runTable(runs));
  return exit.success;
}

async function cancel(line: CommandLine, world: World, terminal: Terminal) {
  const config = configOf(line, world);
  const context = writableContext(line, config);
  const place = placeOf(line, world.connect(context), context, line.namespace ?? config.namespace, config);
  const found = await runNamed(place.cluster, place.namespace, line.operand);
  return cancelRun(place, found, line.output, terminal);
}

function configOf({ stack, configFile }: CommandLine, world: World): Config {
  return readStackConfig(
    world.directory,
    stack,
    configFile ?? world.fileOf?.(stack) ?? stackFile(world.directory, stack),
  );
}

/** The context to write to: only the stack's own, so that a run never lands on another stack's cluster. */
function writableContext({ context, stack }: CommandLine, { kubeContext }: Config): string {
  if (context === undefined || context === kubeContext) return kubeContext;
  throw new PlanError(
    `--context ${context} is not the cluster of stack ${stack}, whose modelcar:kubeContext is ${kubeContext}; runs are started and cancelled only there`,
  );
}

/** For commands that only read: with context and namespace given, no stack is needed. */
function readablePlace(line: CommandLine, world: World): Place {
  const { context, namespace } = line;
  if (context && namespace) return placeOf(line, world.connect(context), context, namespace);
  const config = configOf(line, world);
  const chosen = context ?? config.kubeContext;
  return placeOf(line, world.connect(chosen), chosen, namespace ?? config.namespace, config);
}

function placeOf(
  { stack, configFile, context }: CommandLine,
  cluster: Cluster,
  chosen: string,
  namespace: string,
  config?: Config,
): Place {
  const words = [
    `--stack ${stack}`,
    ...(configFile ? [`--config-file ${configFile}`] : []),
    ...(context ? [`--context ${context}`] : []),
  ];
  const again = [...words, ...(namespace === config?.namespace ? [] : [`-n ${namespace}`])].join(" ");
  return { cluster, context: chosen, namespace, consoleUrl: config?.consoleUrl, again };
}
