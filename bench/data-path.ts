/**
 * What the tasks that move a model cost, compared with cp and sha256sum of its weights.
 *
 *   node bench/data-path.ts [GiB, default 4]
 *
 * Runs the unchanged scripts in the image of the tasks, on a model whose weights are one file of random bytes: pull from the
 * local hub, package and push to a registry (distribution), upload to MinIO. Everything is on this machine, in the folder for
 * temporary files, which needs three times the size. The commands alternate with cp and sha256sum, so that other load affects all
 * of them. Before each, all writes are flushed (sync) and its input file is read once (warm). Its own writes may stay in the page
 * cache. Prints a table, then everything as JSON.
 */
import { createHash, randomFillSync } from "node:crypto";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { containerfileImages } from "../local/images/images.ts";
import { provideTestImage } from "../local/images/node-store.ts";
import { type CommandLine, withContainer } from "../local/images/store.ts";
import { projectDirectory } from "../local/paths.ts";
import { run } from "../local/run.ts";
import {
  bytesUnder,
  isServer,
  type Server,
  s3,
  startHub,
  startMinio,
  startRegistry,
} from "./data-path-servers.ts";
import { type Measured, measure } from "./process-tree.ts";

const rounds = 3;
const source = { repository: "bench/model", commit: createHash("sha1").update("bench").digest("hex") };
const weights = "model.safetensors";

interface Sample {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The largest sum of the resident memory of the command's own processes. */
  readonly peakMebibytes: number;
  readonly serversMebibytes: number;
  readonly serversCpuSeconds: number;
  /** At the peak: in the workspace and the task's temporary files. */
  readonly workspaceBytes: number;
  /** At the peak: those, and what the registry or MinIO stores. */
  readonly allBytes: number;
}

const gibibytes = Number(process.argv[2] ?? 4);
if (!(gibibytes > 0)) throw new Error("usage: node bench/data-path.ts [GiB]");
const scratch = mkdtempSync(join(tmpdir(), "modelcar-bench-"));
// The tasks run as the image's user, not as this one.
chmodSync(scratch, 0o755);
// Nothing is left behind, however this ends.
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const folder = (name: string) => join(scratch, name);
const weightsFile = join(folder("hub"), source.repository, source.commit, weights);
const length = Math.round(gibibytes * 2 ** 30);
writeModel(length);
const image = containerfileImages.find(({ name }) => name === "tasks");
if (!image) throw new Error("there is no image of the tasks");
const imageName = await provideTestImage(image);
for (const each of ["workspace", "tmp", "store"]) empty(each);
const volumes = {
  [folder("hub")]: "/hub:ro",
  [folder("workspace")]: "/workspace",
  [folder("tmp")]: "/tmp",
  [join(projectDirectory, "local/hub")]: "/project/hub:ro",
};
await withContainer(imageName, volumes, async (inside) => {
  const hub = await startHub(inside, folder("hub"), source);
  try {
    await bench(inside, hub);
  } finally {
    await hub.stop();
  }
});

async function bench(inside: (command: readonly string[]) => CommandLine, hub: Server): Promise<void> {
  const samples: Record<string, Sample[]> = {};
  const note = async (what: string, sample: Promise<Sample>) => {
    const list = samples[what] ?? [];
    samples[what] = list;
    const one = await sample;
    list.push(one);
    const copies = [one.workspaceBytes, one.allBytes]
      .map((bytes) => (bytes / length).toFixed(2))
      .join(" and ");
    console.error(
      `${what}: ${one.seconds.toFixed(1)} s, ${one.peakMebibytes.toFixed(0)} MiB, copies ${copies}`,
    );
  };
  const task = (
    script: string,
    params: Readonly<Record<string, string>>,
    servers: readonly Server[],
    reads: string,
  ) => {
    const values = { MODELS_DIRECTORY: "/workspace", MODEL_DIRECTORY: "model", ...params };
    const env = Object.entries(values).map(([key, value]) => `${key}=${value}`);
    return sampled(
      inside(["env", ...env, "python3", `/opt/modelcar/tasks/${script}.py`]),
      servers,
      reads,
      (stdout) => {
        const total = Number(/^result total-bytes: (\d+)$/m.exec(stdout)?.[1]);
        if (!(total >= length))
          throw new Error(`${script} reports that it moved only ${total} bytes:\n${stdout}`);
      },
    );
  };
  const plain = (command: string, ...args: string[]) =>
    sampled({ command, args, env: process.env }, [], weightsFile, () => {});
  const load = [loadavg()[0] ?? 0];
  for (let round = 0; round < rounds; round++) {
    await note(
      "container",
      sampled(inside(["true"]), [], weightsFile, () => {}),
    );
    await note(
      "cp",
      plain("cp", "--reflink=never", "--sparse=never", weightsFile, join(folder("store"), weights)),
    );
    empty("store");
    await note("sha256sum", plain("sha256sum", weightsFile));

    const pull = { HUGGINGFACE_MODEL: source.repository, HUGGINGFACE_REVISION: source.commit };
    const fetched = task(
      "pull-model-from-huggingface",
      { ...pull, HF_ENDPOINT: `http://${hub.address}` },
      [hub],
      weightsFile,
    );
    await note("pull", fetched);
    const pulled = join(folder("workspace"), "model", weights);

    const registry = await startRegistry(folder("store"));
    try {
      const target = {
        OCI_IMAGE: `${registry.address}/bench/model`,
        BASE_IMAGE: registry.base,
        BUILD: "true",
      };
      const params = { ...target, PLAIN_HTTP_REGISTRIES: registry.address };
      await note("package and push", task("build-and-push-modelcar", params, [registry], pulled));
    } finally {
      await registry.stop();
    }
    empty("store");

    const minio = await startMinio(folder("store"));
    try {
      const target = { S3_ENDPOINT: `http://${minio.address}`, S3_BUCKET: s3.bucket, S3_PREFIX: "model" };
      const params = { ...target, AWS_ACCESS_KEY_ID: s3.accessKey, AWS_SECRET_ACCESS_KEY: s3.secretKey };
      await note("upload", task("upload-to-minio", params, [minio], pulled));
    } finally {
      await minio.stop();
    }
    empty("store");
    empty("workspace");
    empty("tmp");
    load.push(loadavg()[0] ?? 0);
  }
  print(samples, load);
}

/** One run of a command; `check` may reject its output. */
async function sampled(
  { command, args, env }: CommandLine,
  servers: readonly Server[],
  reads: string,
  check: (stdout: string) => void,
): Promise<Sample> {
  await run("sync", []);
  await run("sh", ["-c", 'cat "$0" > /dev/null', reads]);
  const worst = { serversMebibytes: 0, workspaceBytes: 0, allBytes: 0 };
  const look = () => {
    const workspace = bytesUnder(folder("workspace")) + bytesUnder(folder("tmp"));
    const memory = servers.reduce((sum, server) => sum + server.usage().mebibytes, 0);
    worst.serversMebibytes = Math.max(worst.serversMebibytes, memory);
    worst.workspaceBytes = Math.max(worst.workspaceBytes, workspace);
    worst.allBytes = Math.max(worst.allBytes, workspace + bytesUnder(folder("store")));
  };
  const cpuSeconds = () => servers.reduce((sum, server) => sum + server.usage().cpuSeconds, 0);
  const before = cpuSeconds();
  const timer = setInterval(look, 100);
  let measured: Measured;
  try {
    measured = await measure(command, args, { env });
  } finally {
    clearInterval(timer);
  }
  look();
  const { status, stdout, stderr } = measured;
  if (status !== 0)
    throw new Error(`${args.at(-1)} ended with ${status}:\n${stdout.slice(-2000)}${stderr.slice(-2000)}`);
  check(stdout);
  const own = Object.entries(measured.mebibytesByProgram).filter(([program]) => isServer({ program }));
  return {
    seconds: measured.seconds,
    cpuSeconds: measured.cpuSeconds,
    peakMebibytes: own.reduce((sum, [, mebibytes]) => sum + mebibytes, 0),
    serversCpuSeconds: cpuSeconds() - before,
    ...worst,
  };
}

/** A repository with weights in the safetensors format, of random bytes, which neither disk nor network can compress. */
function writeModel(bytes: number): void {
  mkdirSync(join(weightsFile, ".."), { recursive: true });
  const header = Buffer.alloc(256, " ");
  const length = bytes - 8 - header.length;
  header.write(JSON.stringify({ weights: { dtype: "U8", shape: [length], data_offsets: [0, length] } }));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(weightsFile, "w");
  try {
    writeSync(file, Buffer.concat([prefix, header]));
    const chunk = Buffer.alloc(16 << 20);
    for (let left = length; left > 0; left -= chunk.length) {
      randomFillSync(chunk);
      writeSync(file, chunk, 0, Math.min(left, chunk.length));
    }
  } finally {
    closeSync(file);
  }
  if (statSync(weightsFile).size !== bytes) throw new Error("the weights do not have the requested size");
}

/** Empties a folder of the benchmark and opens it to all users. The folder itself is kept, because containers mount it. */
function empty(name: string): void {
  mkdirSync(folder(name), { recursive: true });
  chmodSync(folder(name), 0o777);
  for (const entry of readdirSync(folder(name))) rmSync(join(folder(name), entry), { recursive: true });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Prints the medians of each command, and one row for the whole way into the registry. */
function print(samples: Readonly<Record<string, readonly Sample[]>>, load: readonly number[]): void {
  const rows = Object.entries(samples).map(([what, runs]) => {
    const of = (key: keyof Sample) => median(runs.map((sample) => sample[key]));
    const most = (key: keyof Sample) => Math.max(...runs.map((sample) => sample[key]));
    return {
      what,
      seconds: of("seconds"),
      allSeconds: runs.map(({ seconds }) => seconds),
      cpuSeconds: of("cpuSeconds"),
      serversCpuSeconds: of("serversCpuSeconds"),
      peakMebibytes: most("peakMebibytes"),
      serversMebibytes: most("serversMebibytes"),
      workspaceCopies: most("workspaceBytes") / length,
      allCopies: most("allBytes") / length,
    };
  });
  const row = (what: string) => rows.find((each) => each.what === what) ?? fail(`${what} was not run`);
  const [pull, push] = [row("pull"), row("package and push")];
  const chain = {
    what: "pull → package → push",
    seconds: median(pull.allSeconds.map((seconds, round) => seconds + (push.allSeconds[round] ?? 0))),
    allSeconds: pull.allSeconds.map((seconds, round) => seconds + (push.allSeconds[round] ?? 0)),
    cpuSeconds: pull.cpuSeconds + push.cpuSeconds,
    serversCpuSeconds: pull.serversCpuSeconds + push.serversCpuSeconds,
    peakMebibytes: Math.max(pull.peakMebibytes, push.peakMebibytes),
    serversMebibytes: Math.max(pull.serversMebibytes, push.serversMebibytes),
    workspaceCopies: Math.max(pull.workspaceCopies, push.workspaceCopies),
    allCopies: Math.max(pull.allCopies, push.allCopies),
  };
  const [cp, sha256sum] = [row("cp"), row("sha256sum")];
  const results = [...rows.filter(({ what }) => what !== "container"), chain].map((result) => ({
    ...result,
    bytesPerSecond: length / result.seconds,
    ratioToCp: result.seconds / cp.seconds,
    ratioToSha256sum: result.seconds / sha256sum.seconds,
  }));
  const range = [Math.min(...load), Math.max(...load)].map((value) => value.toFixed(1)).join("-");
  const container = row("container").seconds;
  console.log(
    `${gibibytes} GiB, ${rounds} rounds, ${cpus().length} cores, load ${range}; a task's container takes ${container.toFixed(2)} s of each`,
  );
  console.log("                            servers:  copies at worst:");
  console.log("  wall s  MiB/s   ×cp  ×sum  CPU s  peak MiB  CPU s  MiB  workspace  in all");
  for (const result of results) {
    const cells = [
      result.seconds.toFixed(1),
      (result.bytesPerSecond / 2 ** 20).toFixed(0),
      result.ratioToCp.toFixed(2),
      result.ratioToSha256sum.toFixed(2),
      result.cpuSeconds.toFixed(1),
      result.peakMebibytes.toFixed(0),
      result.serversCpuSeconds.toFixed(1),
      result.serversMebibytes.toFixed(0),
      result.workspaceCopies.toFixed(2),
      result.allCopies.toFixed(2),
    ];
    const widths = [8, 7, 6, 6, 7, 10, 7, 5, 11, 8];
    console.log(`${cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("")}  ${result.what}`);
  }
  console.log(JSON.stringify({ bytes: length, rounds, cores: cpus().length, load, container, results }));
}

function fail(message: string): never {
  throw new Error(message);
}
