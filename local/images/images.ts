/** The container images of the embedded platform: how each is built, and its way into the node's image store. */
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { runInSandbox } from "../node/sandbox.ts";
import { containerdSocket } from "../node/services.ts";
import { cacheDirectory, contentKey, projectDirectory } from "../paths.ts";
import { run } from "../run.ts";
import { bookwormArchive, debianEnvironment, debianProgram } from "../toolchain/debian.ts";
import { type GoToolName, goProgram, goToolDirectory } from "../toolchain/go.ts";
import basePackages from "./base.lock.json" with { type: "json" };
import { buildahCommand, buildahEnvironment, buildImage } from "./store.ts";

/** An image to build: `key` changes when anything that goes into it does. */
export interface Image {
  readonly name: string;
  /** Measured on two cores, for the "left" of the progress lines. */
  readonly seconds: number;
  readonly key: string;
  readonly build: () => Promise<void>;
  /** False for images that only others stand on. */
  readonly imported: boolean;
}

const tag = (name: string) => `modelcar.local/${name}`;
const postgresqlVersion = "15.18-0+deb12u1";

function filesUnder(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.pyc$|\.test\.ts$|test_.*\.py$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** An image of one static binary, as the upstream projects build theirs with ko. */
function binaryImage(name: string, tool: GoToolName, command: string, user = "65532:65532"): Image {
  const path = `/ko-app/${command}`;
  const containerfile = `FROM scratch\nCOPY binary ${path}\nUSER ${user}\nENTRYPOINT ["${path}"]\n`;
  return {
    name,
    seconds: 5,
    key: contentKey({ texts: [containerfile, goToolDirectory(tool)] }),
    imported: true,
    build: () =>
      withContext(async (context) => {
        copyFileSync(goProgram(tool, command), join(context, "binary"));
        writeFileSync(join(context, "Containerfile"), containerfile);
        await buildImage({ name: tag(name), containerfile: join(context, "Containerfile"), context });
      }),
  };
}

async function withContext(work: (context: string) => Promise<void>): Promise<void> {
  const context = join(cacheDirectory, `context-${process.pid}-${Math.random().toString(36).slice(2)}`);
  mkdirSync(context, { recursive: true });
  try {
    await work(context);
  } finally {
    rmSync(context, { recursive: true });
  }
}

/** Process 1 of every pod, and the shell of the storage provisioner's helper pods. */
const pause: Image = {
  name: "pause",
  seconds: 5,
  key: contentKey({ texts: [debianProgram(""), "2"] }),
  imported: true,
  build: () =>
    withContext(async (context) => {
      copyFileSync(debianProgram("usr/bin/tini-static"), join(context, "tini"));
      copyFileSync(debianProgram("bin/busybox"), join(context, "busybox"));
      const links = ["sh", "mkdir", "rm", "sleep"].map(
        (applet) => `RUN ["/bin/busybox", "ln", "-s", "/bin/busybox", "/bin/${applet}"]`,
      );
      writeFileSync(
        join(context, "Containerfile"),
        [
          "FROM scratch",
          "COPY tini busybox /bin/",
          ...links,
          'ENTRYPOINT ["/bin/tini", "--", "/bin/sleep", "infinity"]',
          "",
        ].join("\n"),
      );
      await buildImage({ name: tag("pause"), containerfile: join(context, "Containerfile"), context });
    }),
};

/** Debian bookworm with Python, by mmdebstrap; its packages are compared with the committed lock. */
const base: Image = {
  name: "base",
  seconds: 110,
  key: contentKey({ texts: [JSON.stringify(basePackages), "1"] }),
  imported: false,
  build: () =>
    withContext(async (context) => {
      const archive = join(context, "base.tar");
      const log = join(cacheDirectory, "logs", "mmdebstrap.log");
      const packagesFile = join(context, "packages");
      await run(
        "perl",
        [
          debianProgram("usr/bin/mmdebstrap"),
          "--mode=root",
          "--variant=minbase",
          "--include=python3,python3-venv,ca-certificates",
          `--customize-hook=dpkg-query --admindir="$1/var/lib/dpkg" --show > ${packagesFile}`,
          "bookworm",
          archive,
          `deb ${await bookwormArchive()} bookworm main`,
        ],
        { env: debianEnvironment(), log },
      );
      const packages = readFileSync(packagesFile, "utf8")
        .trim()
        .split("\n")
        .map((line) => line.replace("\t", "="));
      const changed = packages.filter((line) => !basePackages.includes(line));
      if (changed.length > 0 || packages.length !== basePackages.length) {
        throw new Error(
          `the base image's packages differ from local/images/base.lock.json: ${changed.join(", ") || "some are missing"}`,
        );
      }
      writeFileSync(join(context, "Containerfile"), "FROM scratch\nADD base.tar /\n");
      await buildImage({ name: tag("base"), containerfile: join(context, "Containerfile"), context });
    }),
};

/** An image of a committed Containerfile on another image of ours. */
function containerfileImage(options: {
  readonly name: string;
  readonly folder: string;
  readonly context: string;
  /** Files and folders under the project that go into the image. */
  readonly sources: readonly string[];
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly on: readonly Image[];
  readonly seconds: number;
  readonly imported: boolean;
}): Image {
  const { name, folder, buildArgs, seconds, imported } = options;
  const sources = options.sources.map((source) => join(projectDirectory, source));
  return {
    name,
    seconds,
    imported,
    key: contentKey({
      texts: [JSON.stringify(buildArgs), ...options.on.map(({ key }) => key)],
      files: sources.filter(existsSync).flatMap(filesUnder),
    }),
    build: () =>
      buildImage({
        name: tag(name),
        containerfile: join(projectDirectory, folder, "Containerfile"),
        context: join(projectDirectory, options.context),
        buildArgs,
        ...(options.context === "."
          ? { ignorefile: join(projectDirectory, "images/containerignore"), usesPip: true }
          : {}),
      }),
  };
}

const postgresql = containerfileImage({
  name: "postgresql",
  folder: "local/images/postgresql",
  context: "local/images/postgresql",
  sources: ["local/images/postgresql"],
  buildArgs: { BASE_IMAGE: tag("base"), POSTGRESQL_VERSION: postgresqlVersion },
  on: [base],
  seconds: 60,
  imported: true,
});

const tasks = containerfileImage({
  name: "tasks",
  folder: "images/tasks",
  context: ".",
  sources: ["images/tasks", "tasks"],
  buildArgs: { BASE_IMAGE: tag("base") },
  on: [base],
  seconds: 60,
  imported: true,
});

const torch = containerfileImage({
  name: "torch",
  folder: "images/torch",
  context: ".",
  sources: ["images/torch"],
  buildArgs: { BASE_IMAGE: tag("base") },
  on: [base],
  seconds: 240,
  imported: false,
});

const vllmCpu = containerfileImage({
  name: "vllm-cpu",
  folder: "images/vllm-cpu",
  context: ".",
  sources: ["images/vllm-cpu"],
  buildArgs: { TORCH_IMAGE: tag("torch") },
  on: [torch],
  seconds: 240,
  imported: true,
});

const hub = containerfileImage({
  name: "hub",
  folder: "local/hub",
  context: ".",
  sources: ["local/hub"],
  buildArgs: { BASE_IMAGE: tag("base"), TRAINING_IMAGE: tag("vllm-cpu") },
  on: [base, vllmCpu],
  seconds: 300,
  imported: true,
});

/** Images of Containerfiles, each after the ones it stands on. */
export const containerfileImages: readonly Image[] = [base, pause, tasks, postgresql, torch, vllmCpu, hub];

/** Images of one Go binary, by the tool that has it. */
export const goImages: Readonly<Partial<Record<GoToolName, readonly Image[]>>> = {
  coredns: [binaryImage("coredns", "coredns", "coredns")],
  "storage-provisioner": [
    binaryImage("local-path-provisioner", "storage-provisioner", "local-path-provisioner", "0:0"),
  ],
  registry: [binaryImage("registry", "registry", "registry", "1000:1000")],
  "model-registry": [binaryImage("model-registry", "model-registry", "model-registry", "1000:1000")],
  tekton: ["controller", "webhook", "entrypoint", "nop", "workingdirinit"].map((command) =>
    binaryImage(`tekton-${command}`, "tekton", command),
  ),
  kserve: [binaryImage("kserve-manager", "kserve", "manager")],
  minio: [binaryImage("minio", "minio", "minio", "1000:1000")],
};

const recordFile = (image: Image) => join(cacheDirectory, "images", `${image.name}-${image.key}.json`);

/** The image's reference by digest, once it is in the node's store. */
export function imageReference(name: string): string {
  const all = [...containerfileImages, ...Object.values(goImages).flat()];
  const image = all.find((candidate) => candidate.name === name);
  if (!image) throw new Error(`no image ${name}`);
  return JSON.parse(readFileSync(recordFile(image), "utf8")).reference as string;
}

/** containerd's own client on the node, for the namespace of the kubelet's images. */
const ctr = (...args: string[]) =>
  runInSandbox(debianProgram("usr/bin/ctr"), [
    "--address",
    containerdSocket,
    "--namespace",
    "k8s.io",
    ...args,
  ]);

/** Whether the image needs no work: it was built, and imported if pods run it. */
export async function imageReady(image: Image): Promise<boolean> {
  if (!existsSync(recordFile(image))) return false;
  const { reference } = JSON.parse(readFileSync(recordFile(image), "utf8"));
  return !image.imported || (await ctr("images", "list", "--quiet")).split("\n").includes(reference);
}

/**
 * Builds an image and, where pods run it, streams it from Buildah's store into the node's, without a copy between.
 * Its reference by digest is recorded under the cache.
 */
export async function provideImage(image: Image): Promise<void> {
  await image.build();
  const reference = image.imported ? await importImage(image.name) : "";
  mkdirSync(join(cacheDirectory, "images"), { recursive: true });
  writeFileSync(recordFile(image), JSON.stringify({ reference }));
}

async function importImage(name: string): Promise<string> {
  const named = `${tag(name)}:latest`;
  await streamIntoNode(named);
  const digest = (await ctr("images", "list", `name==${named}`)).match(/sha256:[0-9a-f]{64}/)?.[0];
  if (!digest) throw new Error(`image ${named} was imported but the node's store has no digest for it`);
  const reference = `${tag(name)}@${digest}`;
  await ctr("images", "tag", "--force", named, reference);
  return reference;
}

async function streamIntoNode(named: string): Promise<void> {
  const pipe = join(cacheDirectory, `import-${process.pid}-${Date.now()}.tar`);
  rmSync(pipe, { force: true });
  await run("mkfifo", [pipe]);
  const [command, args] = buildahCommand("push", "--quiet", named, `docker-archive:${pipe}:${named}`);
  try {
    const push = spawn(command, args, {
      env: buildahEnvironment(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    push.stderr.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    const pushed = new Promise<void>((resolve, reject) => {
      push.on("error", reject);
      push.on("close", (code) =>
        code === 0 ? resolve() : reject(new Error(`buildah push ${named}: ${said}`)),
      );
    });
    await Promise.all([pushed, ctr("images", "import", "--snapshotter", "overlayfs", pipe)]);
  } finally {
    rmSync(pipe, { force: true });
  }
}
