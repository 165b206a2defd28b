/** Runs the tests of the task scripts inside the image that the tasks run in, against real servers. */
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provideTestImage } from "./images/node-store.ts";
import { runInImage } from "./images/store.ts";
import { projectDirectory } from "./paths.ts";
import type { Progress } from "./progress.ts";
import { run } from "./run.ts";
import { goToolDirectory } from "./toolchain/go.ts";

/** Counts from pytest's JUnit report. A run without any test counts as a failure. */
export async function testTasks(progress: Progress): Promise<{ passed: number; failed: number }> {
  const reports = mkdtempSync(join(tmpdir(), "modelcar-tasks-"));
  const project = mkdtempSync(join(tmpdir(), "modelcar-tasks-"));
  try {
    const image = await progress.step({ name: "the tasks' test image", seconds: 120 }, provideTestImage);
    const command = [
      "pytest",
      "/project/tasks",
      "/project/local/hub",
      "--config-file=/project/tasks/pytest.ini",
      "--minio=/tools/minio/minio",
      "--mariadb=/usr/sbin/mariadbd",
      "--model-registry=/tools/model-registry/model-registry",
      "--junit-xml=/reports/report.xml",
    ];
    // The tests run as an unprivileged user, as the tasks do, who may not be let into this checkout.
    for (const folder of ["tasks", "local/hub", "images/tasks"]) {
      cpSync(join(projectDirectory, folder), join(project, folder), { recursive: true });
    }
    cpSync(
      join(projectDirectory, "components/create_bucket.py"),
      join(project, "components/create_bucket.py"),
    );
    await run("chmod", ["-R", "a+rX", project]);
    chmodSync(reports, 0o777);
    await runInImage(image, command, {
      [project]: "/project",
      [goToolDirectory("minio")]: "/tools/minio",
      [goToolDirectory("model-registry")]: "/tools/model-registry",
      [reports]: "/reports",
    });
    const report = readFileSync(join(reports, "report.xml"), "utf8");
    const count = (attribute: string) =>
      Number(new RegExp(`<testsuite [^>]*\\b${attribute}="(\\d+)"`).exec(report)?.[1] ?? 0);
    const failed = count("failures") + count("errors");
    const passed = count("tests") - failed - count("skipped");
    return { passed, failed: failed + (passed === 0 ? 1 : 0) };
  } catch (error) {
    progress.say((error as Error).message);
    return { passed: 0, failed: 1 };
  } finally {
    for (const folder of [reports, project]) rmSync(folder, { recursive: true });
  }
}
