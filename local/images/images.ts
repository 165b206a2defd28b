/** The container images of the embedded platform. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory, contentKey } from "../paths.ts";
import { run } from "../run.ts";
import { bookwormArchive, debianEnvironment, debianProgram } from "../toolchain/debian.ts";
import { type GoToolName, goProgram, goToolDirectory } from "../toolchain/go.ts";
import basePackages from "./base.lock.json" with { type: "json" };
import { binaryImage, containerfileImage, type Image, tag, withContext } from "./image.ts";
import mariadbPackages from "./mariadb.lock.json" with { type: "json" };
import { projectImages } from "./project-images.ts";
import { buildImage } from "./store.ts";

/** Process 1 of every pod, and the shell of the storage provisioner's helper pods. */
const pauseIdentity = { name: "pause", key: contentKey({ texts: [debianProgram(""), "2"] }) };
export const pause: Image = {
  ...pauseIdentity,
  seconds: 5,
  bases: [],
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
  bases: [],
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

/** The stand-in for the ORAS command line, with the shell that scripts around it need. */
const orasIdentity = {
  name: "oras",
  key: contentKey({ texts: [goToolDirectory("oras"), debianProgram(""), "1"] }),
};
const oras: Image = {
  ...orasIdentity,
  seconds: 5,
  bases: [],
  imported: true,
  build: () =>
    withContext(async (context) => {
      copyFileSync(goProgram("oras"), join(context, "oras"));
      copyFileSync(debianProgram("bin/busybox"), join(context, "busybox"));
      writeFileSync(
        join(context, "Containerfile"),
        [
          "FROM scratch",
          "COPY oras busybox /bin/",
          'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
          "USER 1000",
          'ENTRYPOINT ["/bin/oras"]',
          "",
        ].join("\n"),
      );
      await buildImage({ name: tag(orasIdentity), containerfile: join(context, "Containerfile"), context });
    }),
};

const mariadb = containerfileImage({
  name: "mariadb",
  folder: "local/images/mariadb",
  context: "local/images/mariadb",
  sources: ["local/images/mariadb"],
  buildArgs: { BASE_IMAGE: tag(base), MARIADB_VERSION: mariadbPackages[0]?.version ?? "" },
  bases: [base],
  seconds: 60,
  imported: true,
});

const ofProject = projectImages(base);
const projectImage = (name: string): Image => {
  const found = ofProject.find((image) => image.name === name);
  if (!found) throw new Error(`there is no images/${name}`);
  return found;
};
const [tasks, torch, vllmCpu] = [projectImage("tasks"), projectImage("torch"), projectImage("vllm-cpu")];

const hub = containerfileImage({
  name: "hub",
  folder: "local/hub",
  context: ".",
  sources: ["local/hub"],
  buildArgs: { BASE_IMAGE: tag(base), TRAINING_IMAGE: tag(vllmCpu) },
  bases: [base, vllmCpu],
  seconds: 300,
  imported: true,
});

/**
 * The image that the tests of a task run in: the task's image with pytest. `tasks` and the images built on it also get the
 * servers that their tests start, and the model registry's database.
 */
export function testImageOf(name: string): Image {
  const image = projectImage(name);
  const withServers = image === tasks || image.bases.includes(tasks);
  const folder = withServers ? "local/images/tasks-test" : "local/images/pytest";
  return containerfileImage({
    name: `${name}-test`,
    folder,
    context: ".",
    sources: [folder, withServers ? "tasks/requirements-test.txt" : "tasks/requirements-pytest.txt"],
    buildArgs: withServers
      ? { TASKS_IMAGE: tag(image), MARIADB_IMAGE: tag(mariadb) }
      : { TASK_IMAGE: tag(image), HUB_IMAGE: tag(hub) },
    bases: [image, withServers ? mariadb : hub],
    seconds: withServers ? 60 : 10,
    imported: false,
  });
}

/** Images built from Containerfiles, each after its bases. */
export const containerfileImages: readonly Image[] = [base, pause, tasks, mariadb, torch, vllmCpu, hub];

/** The base that KServe needs for a modelcar image: a shell that can link the model to where the server looks. */
const modelcarContainerfile =
  'FROM scratch\nCOPY busybox /bin/\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n';
export const modelcarBase: Image = {
  name: "modelcar-base",
  seconds: 5,
  key: contentKey({ texts: [debianProgram(""), modelcarContainerfile] }),
  bases: [],
  imported: false,
  build: () =>
    withContext(async (context) => {
      copyFileSync(debianProgram("bin/busybox"), join(context, "busybox"));
      writeFileSync(join(context, "Containerfile"), modelcarContainerfile);
      await buildImage({ name: tag(modelcarBase), containerfile: join(context, "Containerfile"), context });
    }),
};

/** Images of the tasks that run models; only a stack with such tasks needs them. */
export const modelTaskImages: readonly Image[] = ofProject.filter(
  (image) => !containerfileImages.includes(image),
);

/** Images of one Go binary each, by the tool that builds it. */
export const goImages: Readonly<Partial<Record<GoToolName, readonly Image[]>>> = {
  coredns: [binaryImage("coredns", "coredns", "coredns")],
  "storage-provisioner": [
    binaryImage("local-path-provisioner", "storage-provisioner", "local-path-provisioner", "0:0"),
  ],
  registry: [binaryImage("registry", "registry", "registry", "1000:1000")],
  oras: [oras],
  "model-registry": [binaryImage("model-registry", "model-registry", "model-registry", "1000:1000")],
  tekton: ["controller", "webhook", "entrypoint", "nop", "workingdirinit"].map((command) =>
    binaryImage(`tekton-${command}`, "tekton", command),
  ),
  kserve: [binaryImage("kserve-manager", "kserve", "manager")],
  minio: [binaryImage("minio", "minio", "minio", "1000:1000")],
};
