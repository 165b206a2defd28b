/** Runs the tests of the task scripts inside the images that the tasks run in, against real servers. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deploymentFiles } from "../../components/deployments/config-map.ts";
import type { Image } from "../../local/images/image.ts";
import { testImageOf } from "../../local/images/images.ts";
import { provideTestImage } from "../../local/images/node-store.ts";
import { runInImage } from "../../local/images/store.ts";
import { projectDirectory } from "../../local/paths.ts";
import type { Progress } from "../../local/progress.ts";
import { run } from "../../local/run.ts";
import { goModuleSource, goToolDirectory } from "../../local/toolchain/go.ts";
import { knownTasks, taskJob } from "../../pipelines/jobs.ts";
import { type Count, total } from "./timings.ts";

/** The tests that run in an image. */
interface Suite {
  readonly image: Image;
  /** Relative to the project. */
  readonly folders: readonly string[];
  readonly options?: readonly string[];
}

/** Servers that tests start, with their paths in the image and in `tools`. */
const bucketAndRegistry = [
  "--minio=/tools/minio/minio",
  "--mariadb=/usr/sbin/mariadbd",
  "--model-registry=/tools/model-registry/model-registry",
];

/** The tests mostly wait for a server or for Python to start. */
const sideBySide = ["--numprocesses=4", "--dist=worksteal"];

/** The image that a task's tests run in, as its job.yaml says. */
const testedIn = (task: string): string => taskJob(task).testedIn ?? "tasks";

/** The tests of the tasks that are tested in this image. */
const suiteOf = (image: string, folders: readonly string[] = [], options: readonly string[] = []): Suite => ({
  image: testImageOf(image),
  folders: [
    ...folders,
    ...knownTasks.filter((task) => testedIn(task) === image).map((task) => `tasks/${task}`),
  ],
  options,
});

/** The tasks that move files and records. */
export const taskSuites: readonly Suite[] = [
  suiteOf(
    "tasks",
    ["tasks/common", "local/hub"],
    [
      ...sideBySide,
      ...bucketAndRegistry,
      "--registry=/tools/registry/registry",
      "--etcd=/tools/etcd/etcd",
      "--kube-apiserver=/tools/kubernetes/kube-apiserver",
      "--kserve-crds=/tools/kserve-crds",
    ],
  ),
  suiteOf("report", [], [...sideBySide, ...bucketAndRegistry]),
];

/** The tasks that run models: those whose image no suite above uses. */
export const modelTaskSuites: readonly Suite[] = [...new Set(knownTasks.map(testedIn))]
  .filter((image) => image !== "tasks" && image !== "report")
  .map((image) => suiteOf(image));

const runtime = { args: [], env: {}, startupMinutes: 30 };
const exampleSettings = {
  endpoint: { exposure: "none", timeoutSeconds: 600, mesh: false },
  servingRuntimes: { "vllm-cuda": runtime, "vllm-cpu": runtime },
  gpuMemoryUtilization: 0.9,
} as const;

/** Servers that the tests start. */
const tools = ["minio", "model-registry", "registry", "etcd", "kubernetes"] as const;

/** Runs suites. A suite without any test counts as a failure. */
export async function testTasks(suites: readonly Suite[], progress: Progress): Promise<Count> {
  const project = mkdtempSync(join(tmpdir(), "modelcar-tasks-"));
  try {
    // Like the tasks, the tests run as an unprivileged user, who may have no access to this checkout.
    for (const folder of ["tasks", "local/hub", "images/tasks"]) {
      cpSync(join(projectDirectory, folder), join(project, folder), { recursive: true });
    }
    for (const file of ["pyproject.toml", "components/object-store/create_bucket.py"])
      cpSync(join(projectDirectory, file), join(project, file));
    // The files that the program gives to tasks that deploy, with a stack's usual settings.
    mkdirSync(join(project, "deployments"));
    for (const [name, text] of Object.entries(deploymentFiles(exampleSettings)))
      writeFileSync(join(project, "deployments", name), text);
    await run("chmod", ["-R", "a+rX", project]);
    const counts: Count[] = [];
    for (const suite of suites) counts.push(await runSuite(suite, project, progress));
    return total(counts);
  } finally {
    rmSync(project, { recursive: true });
  }
}

async function runSuite(suite: Suite, project: string, progress: Progress): Promise<Count> {
  const reports = mkdtempSync(join(tmpdir(), "modelcar-reports-"));
  const report = join(reports, "report.xml");
  try {
    const name = `image ${suite.image.name}`;
    const image = await progress.step({ name, seconds: 120 }, () => provideTestImage(suite.image));
    const command = [
      "pytest",
      ...suite.folders.map((folder) => `/project/${folder}`),
      "--config-file=/project/pyproject.toml",
      ...(suite.options ?? []),
      "--junit-xml=/reports/report.xml",
    ];
    chmodSync(reports, 0o777);
    const kserve = await goModuleSource("cluster", "github.com/kserve/kserve");
    await runInImage(image, command, {
      [project]: "/project",
      ...Object.fromEntries(tools.map((tool) => [goToolDirectory(tool), `/tools/${tool}`])),
      [join(kserve, "config/crd/full")]: "/tools/kserve-crds",
      [reports]: "/reports",
    });
    return counts(readFileSync(report, "utf8"));
  } catch (error) {
    progress.say((error as Error).message);
    const count = existsSync(report) ? counts(readFileSync(report, "utf8")) : { passed: 0, failed: 0 };
    return { ...count, failed: Math.max(1, count.failed) };
  } finally {
    rmSync(reports, { recursive: true });
  }
}

/** Counts, times and failures from pytest's JUnit report. */
function counts(report: string): Count {
  const count = (attribute: string) =>
    Number(new RegExp(`<testsuite [^>]*\\b${attribute}="(\\d+)"`).exec(report)?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  const passed = count("tests") - failed - count("skipped");
  const times = new Map<string, number>();
  for (const [, name = "", seconds] of report.matchAll(/<testcase classname="([^"]+)" .*? time="([\d.]+)"/g))
    times.set(name, (times.get(name) ?? 0) + Number(seconds));
  const files = [...times].map(([name, seconds]) => ({ name, seconds }));
  const failures = [
    ...report.matchAll(
      /<testcase classname="([^"]+)" name="([^"]+)"[^>]*><(?:failure|error) message="(.*?)(?:&#10;|">)/g,
    ),
  ].map(([, file, test, reason]) => `${file}: ${test}: ${reason}`);
  return { passed, failed: failed + (passed === 0 ? 1 : 0), files, failures };
}
