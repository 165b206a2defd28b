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
  /** Those it stands on. */
  readonly on: readonly Image[];
  /** False for images that only others stand on. */
  readonly imported: boolean;
}

const repository = (name: string) => `modelcar.local/${name}`;

/** The image's name in Buildah's store and the node's: its tag is what it was made from. */
const tag = ({ name, key }: Pick<Image, "name" | "key">) => `${repository(name)}:${key}`;
const mariadbVersion = "1:10.11.18-0+deb12u1";

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
  const key = contentKey({ texts: [containerfile, goToolDirectory(tool)] });
  return {
    name,
    seconds: 5,
    key,
    on: [],
    imported: true,
    build: () =>
      withContext(async (context) => {
        copyFileSync(goProgram(tool, command), join(context, "binary"));
        writeFileSync(join(context, "Containerfile"), containerfile);
        await buildImage({
          name: tag({ name, key }),
          containerfile: join(context, "Containerfile"),
          context,
        });
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
const pauseIdentity = { name: "pause", key: contentKey({ texts: [debianProgram(""), "2"] }) };
export const pause: Image = {
  ...pauseIdentity,
  seconds: 5,
  on: [],
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
      await buildImage({ name: tag(pauseIdentity), containerfile: join(context, "Containerfile"), context });
    }),
};

/** Debian bookworm with Python, by mmdebstrap; its packages are compared with the committed lock. */
const baseIdentity = { name: "base", key: contentKey({ texts: [JSON.stringify(basePackages), "1"] }) };
const base: Image = {
  ...baseIdentity,
  seconds: 110,
  on: [],
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
          "--include=python3,python3-venv,ca-certificates,libnuma1",
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
      await buildImage({ name: tag(baseIdentity), containerfile: join(context, "Containerfile"), context });
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
  const { name, folder, buildArgs, seconds, imported, on } = options;
  const files = options.sources.flatMap((source) => filesUnder(join(projectDirectory, source)));
  // The arguments name the images below it, by their keys.
  const key = contentKey({ texts: [JSON.stringify(buildArgs)], files });
  return {
    name,
    seconds,
    imported,
    key,
    on,
    build: () =>
      buildImage({
        name: tag({ name, key }),
        containerfile: join(projectDirectory, folder, "Containerfile"),
        context: join(projectDirectory, options.context),
        buildArgs,
        ...(options.context === "."
          ? { ignorefile: join(projectDirectory, "images/containerignore"), usesPip: true }
          : {}),
      }),
  };
}

const mariadb = containerfileImage({
  name: "mariadb",
  folder: "local/images/mariadb",
  context: "local/images/mariadb",
  sources: ["local/images/mariadb"],
  buildArgs: { BASE_IMAGE: tag(base), MARIADB_VERSION: mariadbVersion },
  on: [base],
  seconds: 60,
  imported: true,
});

const tasks = containerfileImage({
  name: "tasks",
  folder: "images/tasks",
  context: ".",
  sources: ["images/tasks", "tasks"],
  buildArgs: { BASE_IMAGE: tag(base) },
  on: [base],
  seconds: 60,
  imported: true,
});

const torch = containerfileImage({
  name: "torch",
  folder: "images/torch",
  context: ".",
  sources: ["images/torch"],
  buildArgs: { BASE_IMAGE: tag(base) },
  on: [base],
  seconds: 240,
  imported: false,
});

const vllmCpu = containerfileImage({
  name: "vllm-cpu",
  folder: "images/vllm-cpu",
  context: ".",
  sources: ["images/vllm-cpu"],
  buildArgs: { TORCH_IMAGE: tag(torch) },
  on: [torch],
  seconds: 240,
  imported: true,
});

const hub = containerfileImage({
  name: "hub",
  folder: "local/hub",
  context: ".",
  sources: ["local/hub"],
  buildArgs: { BASE_IMAGE: tag(base), TRAINING_IMAGE: tag(vllmCpu) },
  on: [base, vllmCpu],
  seconds: 300,
  imported: true,
});

/** What the tests of the tasks run in; no pod does. */
const tasksTest = containerfileImage({
  name: "tasks-test",
  folder: "local/images/tasks-test",
  context: ".",
  sources: ["local/images/tasks-test", "tasks/requirements-test.txt"],
  buildArgs: { TASKS_IMAGE: tag(tasks), MARIADB_IMAGE: tag(mariadb) },
  on: [tasks, mariadb],
  seconds: 60,
  imported: false,
});

/** Images of Containerfiles, each after the ones it stands on. */
export const containerfileImages: readonly Image[] = [base, pause, tasks, mariadb, torch, vllmCpu, hub];

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

const recordDirectory = join(cacheDirectory, "images");
const builtFile = (image: Image) => join(recordDirectory, `${image.name}-${image.key}.built`);
const importedFile = (image: Image) => join(recordDirectory, `${image.name}-${image.key}.json`);

const importedReference = (image: Image): string =>
  JSON.parse(readFileSync(importedFile(image), "utf8")).reference as string;

/**
 * The reference by digest of an image in the node's store.
 * @throws Error where there is no such image, or it is not imported yet.
 */
export function imageReference(name: string): string {
  const image = [...containerfileImages, ...Object.values(goImages).flat()].find(
    (candidate) => candidate.name === name,
  );
  if (!image || !existsSync(importedFile(image)))
    throw new Error(`image ${name} is not in the node's store: run npm start`);
  return importedReference(image);
}

/** The name by which containerd knows the pods' pause image. */
export const pauseImageName = tag(pauseIdentity);

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
  if (!image.imported) return existsSync(builtFile(image));
  if (!existsSync(importedFile(image))) return false;
  return (await ctr("images", "list", "--quiet")).split("\n").includes(importedReference(image));
}

/** Builds an image into Buildah's store, after those it stands on, unless it is there. */
async function buildOnce(image: Image): Promise<void> {
  if (existsSync(builtFile(image))) return;
  for (const below of image.on) await buildOnce(below);
  await image.build();
  mkdirSync(recordDirectory, { recursive: true });
  writeFileSync(builtFile(image), "");
}

/** Builds the image that the tasks' tests run in and returns its name in Buildah's store. */
export async function provideTestImage(): Promise<string> {
  await buildOnce(tasksTest);
  return tag(tasksTest);
}

/**
 * Builds an image and, where pods run it, streams it from Buildah's store into the node's, without a copy between.
 * Its reference by digest is recorded under the cache.
 */
export async function provideImage(image: Image): Promise<void> {
  await buildOnce(image);
  if (!image.imported) return;
  const named = tag(image);
  await streamIntoNode(named);
  const digest = (await ctr("images", "list", `name==${named}`)).match(/sha256:[0-9a-f]{64}/)?.[0];
  if (!digest) throw new Error(`image ${named} was imported but the node's store has no digest for it`);
  const reference = `${repository(image.name)}@${digest}`;
  await ctr("images", "tag", "--force", named, reference);
  writeFileSync(importedFile(image), JSON.stringify({ reference }));
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
