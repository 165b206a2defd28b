/**
 * What `pulumi preview` without changes costs, by number of models, compared with a bare Pulumi program of the same objects
 * (the base of the ratio) and with kubectl.
 *
 *   MODELCAR_STATE=$PWD/.local-test MODELCAR_STACK_FILE=$PWD/.bench-stack.yaml node bench/preview.ts 1 10 100
 *
 * Runs on the embedded platform and DEPLOYS to it: the stack becomes that of Pulumi.local.yaml with that many stopped models,
 * which have no pods, and finally with one. The stack file is created and removed. Prints a table, then everything as JSON.
 */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { kubeconfigFile, projectDirectory, stateDirectory } from "../local/paths.ts";
import { prepareStack, stackEnvironment } from "../local/stack.ts";
import { committedFile, stackName } from "../local/stack-file.ts";
import { goProgram } from "../local/toolchain/go.ts";
import { HttpProxy } from "../test/cluster/fault-proxy.ts";
import { stateDirectory as testState } from "../test/cluster/platform.ts";
import { BareProgram, type DeclaredObject } from "./bare-program.ts";
import { summary } from "./engine-trace.ts";
import { type Measured, measure } from "./process-tree.ts";

const rounds = 3;
const preview = ["preview", "--expect-no-changes"];
/** Pulumi's default parallelism: four for each core. */
const parallel = 4 * cpus().length;
const withoutRefresh = [...preview, "--refresh=false"];
const bare = (command: string) => `bare program: ${command}`;
const commands: Readonly<Record<string, (declared: Declared) => Promise<Measured>>> = {
  "pulumi preview": () => pulumi(preview),
  [bare("pulumi preview")]: ({ program }) => program.run(preview),
  "pulumi preview --refresh=false": () => pulumi(withoutRefresh),
  [bare("pulumi preview --refresh=false")]: ({ program }) => program.run(withoutRefresh),
  "kubectl diff --server-side": ({ manifests }) => kubectl(["diff", "--server-side"], manifests),
  [`kubectl diff --server-side --concurrency=${parallel}`]: ({ manifests }) =>
    kubectl(["diff", "--server-side", `--concurrency=${parallel}`], manifests),
  "kubectl apply --server-side --dry-run=server": ({ manifests }) =>
    kubectl(["apply", "--server-side", "--dry-run=server"], manifests),
};

const counts = process.argv.slice(2).map(Number);
if (stateDirectory !== testState || existsSync(committedFile) || !counts.every((count) => count > 0)) {
  throw new Error(
    `usage: MODELCAR_STATE=${testState} MODELCAR_STACK_FILE=<a new file> node bench/preview.ts [models]…`,
  );
}
const scratch = mkdtempSync(join(tmpdir(), "modelcar-bench-"));
/** State contains the kubeconfig's path, so this file has either the real kubeconfig or, to count requests, that of a proxy. */
const ownKubeconfig = join(stateDirectory, "bench-kubeconfig");
copyFileSync(kubeconfigFile, ownKubeconfig);
const notes: string[] = [];
try {
  const results: Result[] = [];
  for (const count of counts.length > 0 ? counts : [1, 10, 100]) {
    const result = await bench(count);
    results.push(result);
    print(result);
  }
  console.log([...new Set(notes)].join("\n"));
  console.log(JSON.stringify({ cores: cpus().length, rounds, notes: [...new Set(notes)], results }));
} finally {
  try {
    copyFileSync(kubeconfigFile, ownKubeconfig);
    await deploy(1, kubeconfigFile);
  } finally {
    for (const path of [ownKubeconfig, committedFile, scratch])
      rmSync(path, { recursive: true, force: true });
  }
}

type Result = Awaited<ReturnType<typeof bench>>;

/** The stack's objects, as manifests for kubectl and declared by the bare program. */
interface Declared {
  readonly manifests: string;
  readonly program: BareProgram;
}

async function bench(models: number) {
  const upSeconds = (await deploy(models)).seconds;
  const objects = await declaredObjects();
  const manifests = JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: objects.map(({ inputs }) => inputs),
  });
  const { "current-context": context } = parse(readFileSync(kubeconfigFile, "utf8"));
  const program = await BareProgram.deploy(objects, context, ownKubeconfig);
  const declared = { manifests, program };
  const runs = Object.fromEntries(Object.keys(commands).map((name) => [name, [] as Measured[]]));
  const load = [loadavg()[0] ?? 0];
  // The commands alternate, so that other load affects all of them.
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(commands)) runs[name]?.push(await run(declared));
    load.push(loadavg()[0] ?? 0);
  }
  const trace = join(scratch, "trace.json");
  rmSync(trace, { force: true });
  await pulumi([...preview, "--otel-traces", `file://${trace}`]);
  const measured = [];
  for (const [name, run] of Object.entries(commands)) {
    const all = runs[name] ?? [];
    const [first] = all;
    if (!first) throw new Error(`${name} was not run`);
    measured.push({
      command: name,
      seconds: median(all.map(({ seconds }) => seconds)),
      allSeconds: all.map(({ seconds }) => seconds),
      cpuSeconds: median(all.map(({ cpuSeconds }) => cpuSeconds)),
      peakMebibytes: median(all.map(({ peakMebibytes }) => peakMebibytes)),
      mebibytesByProgram: first.mebibytesByProgram,
      requests: await requests(() => run(declared)),
      status: first.status,
    });
  }
  await program.forget();
  return { models, objects: objects.length, upSeconds, load, measured, trace: summary(trace) };
}

/** Deploys the committed stack with that many stopped models instead of its own. */
async function deploy(models: number, kubeconfig = ownKubeconfig): Promise<Measured> {
  const file = parse(readFileSync(join(projectDirectory, "Pulumi.local.yaml"), "utf8"));
  file.config["modelcar:models"] = Array.from({ length: models }, (_, i) => ({
    name: `x-${i}`,
    source: { uri: `s3://llm-models/x-${i}/` },
    serve: { gpus: 0, cpu: "1", memory: "3Gi", maxModelLen: 256, stopped: true },
  }));
  writeFileSync(committedFile, stringify(file));
  await prepareStack((line) => notes.push(line));
  console.error(`deploying ${models} models …`);
  const up = await pulumi(["up", "--yes", "--skip-preview"], kubeconfig);
  console.error(`deployed in ${up.seconds.toFixed(0)} s`);
  return up;
}

/** Pulumi's CLI as `npm run pulumi` starts it. */
async function pulumi(args: readonly string[], kubeconfig = ownKubeconfig): Promise<Measured> {
  const configFile = join(stateDirectory, "pulumi", `Pulumi.${stackName}.yaml`);
  const flags = ["--stack", stackName, "--non-interactive", "--color=never"];
  const config = args[0] === "stack" ? [] : ["--config-file", configFile];
  const env = { ...stackEnvironment(), KUBECONFIG: kubeconfig };
  const measured = await measure("pulumi", [...args, ...flags, ...config], { cwd: projectDirectory, env });
  if (measured.status !== 0) {
    throw new Error(
      `pulumi ${args.join(" ")}: ${measured.stdout.slice(-3000)}${measured.stderr.slice(-3000)}`,
    );
  }
  return measured;
}

/** A difference that kubectl finds is reported, but is no failure. */
async function kubectl(args: readonly string[], manifests: string): Promise<Measured> {
  const program = goProgram("kubernetes", "kubectl");
  const measured = await measure(program, [`--kubeconfig=${ownKubeconfig}`, ...args, "-f", "-"], {
    input: manifests,
  });
  const { status, stdout, stderr } = measured;
  if (status > (args[0] === "diff" ? 1 : 0)) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  const changed = stdout.match(/^diff .*/gm);
  if (changed) notes.push(`kubectl ${args[0]} finds ${changed.length} differences: ${changed[0]} …`);
  return measured;
}

/** What the stack declares, with its secrets: it is never written to disk. */
async function declaredObjects(): Promise<DeclaredObject[]> {
  const { stdout } = await pulumi(["stack", "export", "--show-secrets"]);
  const { resources } = JSON.parse(stdout).deployment as {
    resources: { urn: string; type: string; inputs?: Record<string, unknown> }[];
  };
  return resources
    .filter(({ type, inputs }) => type.startsWith("kubernetes:") && inputs?.apiVersion && inputs.kind)
    .map(({ urn, type, inputs }) => ({ type, name: urn.split("::").at(-1) ?? "", inputs: plain(inputs) }));
}

/** Without Pulumi's own keys, and with secrets as plain values. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if ("plaintext" in value && typeof value.plaintext === "string") return plain(JSON.parse(value.plaintext));
  const entries = Object.entries(value).filter(([key]) => !key.startsWith("__"));
  return Object.fromEntries(entries.map(([key, each]) => [key, plain(each)]));
}

/** Requests to the API server, counted in a separate run, which is not timed. */
async function requests(run: () => Promise<Measured>): Promise<number> {
  const proxy = await HttpProxy.start();
  try {
    const config = JSON.parse(proxy.config.exportConfig());
    const { "current-context": context } = parse(readFileSync(kubeconfigFile, "utf8"));
    config.contexts[0].name = context;
    config["current-context"] = context;
    writeFileSync(ownKubeconfig, JSON.stringify(config));
    await run();
    return proxy.requests.length;
  } finally {
    copyFileSync(kubeconfigFile, ownKubeconfig);
    await proxy.stop();
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function print({ models, objects, upSeconds, load, measured, trace }: Result): void {
  const secondsOf = (name: string) => measured.find(({ command }) => command === name)?.seconds ?? Number.NaN;
  const range = [Math.min(...load), Math.max(...load)].map((value) => value.toFixed(1)).join("-");
  console.log(`${models} models, ${objects} objects (up took ${upSeconds.toFixed(0)} s; load ${range})`);
  const ratio = (command: string, seconds: number) =>
    command in commands && bare(command) in commands ? (seconds / secondsOf(bare(command))).toFixed(2) : "";
  console.log("  wall s   ratio  CPU s  peak MiB  requests");
  for (const { command, seconds, cpuSeconds, peakMebibytes, requests } of measured) {
    const numbers = [seconds.toFixed(2), ratio(command, seconds), cpuSeconds.toFixed(1)];
    const row = [...numbers, peakMebibytes.toFixed(0), String(requests)];
    console.log(`${row.map((cell, i) => cell.padStart([8, 8, 7, 10, 10][i] ?? 0)).join("")}  ${command}`);
  }
  const phases = Object.entries(trace.phases).map(([phase, seconds]) => `${phase} ${seconds.toFixed(2)}`);
  const calls = Object.entries(trace.calls).map(
    ([method, { count, seconds }]) => `${count} ${method} in ${seconds.toFixed(2)}`,
  );
  console.log(`  preview traced, s: ${phases.join(", ")}; calls to plugins: ${calls.join(", ")}`);
}
