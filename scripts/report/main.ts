/** Finds the newest report, saves or prints it, and says what it is. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ApiError, type Cluster } from "@modelcar/kubernetes/client";
import { passes } from "@modelcar/kubernetes/retry";
import { duration } from "@modelcar/kubernetes/waiting";
import { stateDirectory } from "../../local/paths.ts";
import { readStackConfig, stackFile } from "../pipelines/stack-config.ts";
import { type ExitStatus, exit, type Terminal } from "../pipelines/terminal.ts";
import { type CommandLine, help, readCommandLine, UsageError } from "./command-line.ts";
import { explained, objectStore, type Place } from "./object-store.ts";
import { keyOf, newest, type Report, reportsIn } from "./reports.ts";
import { S3Error, type S3Reader } from "./s3.ts";
import { verdictOf } from "./verdict.ts";

/** What the command needs from its surroundings. */
export interface World {
  /** The project's directory, where Pulumi's files are. */
  readonly directory: string;
  readonly connect: (context: string) => Cluster;
  readonly terminal: Terminal;
  /** The file of a stack that is not beside Pulumi.yaml. Default: there is none. */
  readonly fileOf?: (stack: string) => string | undefined;
  /** Opens the page and returns the outcome. Undefined if nobody would see it. */
  readonly open: ((file: string) => Promise<string>) | undefined;
}

/** Returns the process's exit status. Never throws. */
export async function main(args: readonly string[], world: World): Promise<ExitStatus> {
  const { terminal } = world;
  try {
    const line = readCommandLine(args);
    if ("help" in line) terminal.result(line.help);
    else await report(line, world);
    return exit.success;
  } catch (error) {
    const usage = error instanceof UsageError;
    terminal.problem(`error: ${(error as Error).message}${usage ? `\n\n${help()}` : ""}`);
    return usage ? exit.usage : exit.failure;
  }
}

async function report(line: CommandLine, world: World): Promise<void> {
  const { stack } = line;
  const file = line.configFile ?? world.fileOf?.(stack) ?? stackFile(world.directory, stack);
  const config = readStackConfig(world.directory, stack, file);
  const kubeContext = line.context ?? config.kubeContext;
  const place: Place = { cluster: world.connect(kubeContext), config: { ...config, kubeContext }, stack };
  try {
    const bucket = await objectStore(place);
    const found = newest(await reportsIn(bucket), line.model, config, stack);
    if (line.file === "report.html") await save(line, world, bucket, found);
    else world.terminal.result((await bucket.read(keyOf(found, line.file))).toString("utf8").trimEnd());
  } catch (error) {
    throw explained(unanswered(error, place), place);
  }
}

async function save(line: CommandLine, world: World, bucket: S3Reader, found: Report): Promise<void> {
  const page = await bucket.read(keyOf(found, line.file));
  const record = await bucket.read(keyOf(found, "comparison.json")).catch((error: unknown) => {
    if (error instanceof S3Error && error.code === "NoSuchKey") return "";
    throw error;
  });
  const directory = resolve(
    line.directory ?? join(line.stack === "local" ? stateDirectory : world.directory, "reports"),
  );
  const file = join(directory, `${found.model}-${found.uid}.html`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, page);
  const verdict = verdictOf(record.toString("utf8"));
  const [first, ...failed] = verdict?.lines ?? [
    "see the page: comparison.json beside it is missing or of an unknown version",
  ];
  const lines = [
    `model:    ${verdict?.compared ?? found.model}`,
    `verdict:  ${first}`,
    ...failed.map((gate) => `          ${gate}`),
    `when:     ${timeOf(found.lastModified)}`,
    `place:    ${bucket.place(keyOf(found, line.file))}`,
    `file:     ${file}`,
  ];
  world.terminal.result(lines.join("\n"));
  if (line.open && world.open) world.terminal.progress(`The page ${await world.open(file)}.`);
}

/** The time in UTC, and its age by this machine's clock. */
function timeOf(time: Date, now = Date.now()): string {
  const seconds = Math.max(0, (now - time.getTime()) / 1000);
  const days = Math.floor(seconds / 86_400);
  const ago = days > 1 ? `${days} days` : duration(seconds);
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC (${ago} ago)`;
}

/** Explains an API server that does not answer; errors of the object store already explain themselves. */
function unanswered(error: unknown, { cluster, config, stack }: Place): unknown {
  if (error instanceof ApiError || !passes(error)) return error;
  const { code, name } = error as NodeJS.ErrnoException;
  const { server } = cluster.config.getCurrentCluster() ?? {};
  const hint = stack === "local" ? "; npm start starts the embedded platform" : "";
  return new Error(
    `the API server ${server} of context ${config.kubeContext} does not answer (${code ?? name})${hint}`,
  );
}
