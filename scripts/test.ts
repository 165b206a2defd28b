/**
 * `npm test`: every check and test, the quick ones first. `npm test -- NAME …` runs only the named parts.
 * The last line counts the tests of all parts.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { projectDirectory, stateDirectory } from "../local/paths.ts";
import { stopPlatform } from "../local/platform.ts";
import { Progress } from "../local/progress.ts";
import { providePythonTools, toolsPython } from "../local/toolchain/python.ts";
import { modelTaskSuites, taskSuites, testTasks } from "./test/tasks.ts";
import { type Count, type PartTime, timed, timeTable, total } from "./test/timings.ts";

const progress = new Progress();
/** The tests' platform has its own state folder. */
const testEnvironment = { ...process.env, MODELCAR_STATE: join(projectDirectory, ".local-test") };

/** A command of the project's packages, which counts as one test. */
function command(name: string, ...args: string[]): Promise<Count> {
  return counted(join(projectDirectory, "node_modules/.bin", name), args);
}

/** A program that counts as one test: it passes if it ends with 0. */
async function counted(program: string, args: string[], env = process.env): Promise<Count> {
  const child = spawn(program, args, { cwd: projectDirectory, stdio: "inherit", env });
  const [status] = await once(child, "close");
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** Ruff and mypy, as pyproject.toml says. */
async function checkPython(): Promise<Count> {
  await providePythonTools();
  const tools = [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]];
  const counts: Count[] = [];
  for (const tool of tools) counts.push(await counted(toolsPython, ["-m", ...tool]));
  return total(counts);
}

/** The fields that are read from vitest's JSON report; times in milliseconds. */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly startTime: number;
    readonly endTime: number;
    /** What was wrong with the file as a whole. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

/** What failed in a file. */
function failuresOf({ name, message, assertionResults }: VitestReport["testResults"][number]): string[] {
  const failed = assertionResults.filter(({ status }) => status === "failed");
  const tests = failed.map(
    ({ fullName, failureMessages }) => [fullName, failureMessages?.[0] ?? ""] as const,
  );
  const whole = message && failed.length === 0 ? ([["the file as a whole", message]] as const) : [];
  return [...tests, ...whole].map(
    ([test, reason]) => `${relative(projectDirectory, name)}: ${test}: ${reason.split("\n", 1)[0]}`,
  );
}

/** Runs vitest projects. A run that fails without a failed test, or finds no tests, counts as a failure. */
async function vitest(...projects: string[]): Promise<Count> {
  const directory = mkdtempSync(join(tmpdir(), "modelcar-test-"));
  const report = join(directory, "report.json");
  try {
    const names = projects.flatMap((project) => ["--project", project]);
    const { passed } = await command(
      "vitest",
      "run",
      ...names,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    );
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(
      readFileSync(report, "utf8"),
    ) as VitestReport;
    const broken = passed === 0 && numFailedTests === 0 ? 1 : 0;
    return {
      passed: numPassedTests,
      failed: numFailedTests + broken + (numPassedTests > 0 ? 0 : 1),
      files: testResults.map(({ name, startTime, endTime }) => ({
        name: relative(projectDirectory, name),
        seconds: (endTime - startTime) / 1000,
      })),
      failures: testResults.flatMap(failuresOf),
    };
  } catch {
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Builds the platform as on a fresh machine, with the tests' own state folder. */
async function buildPlatform(): Promise<Count> {
  if (await stopPlatform()) progress.say(`stopped the platform in ${stateDirectory}; npm start resumes it`);
  return counted(process.execPath, [join(projectDirectory, "scripts/local.ts"), "build"], testEnvironment);
}

/** Vitest projects, or a function that runs and counts tests. */
type Part = readonly string[] | (() => Promise<Count>);
/**
 * The steps, in order. Two parts run at once if the first waits for its pods while the other computes. Steps after `platform`
 * use what it builds; one platform runs from `life`, which starts it, to `end`, which deletes it.
 */
const steps: readonly Readonly<Record<string, Part>>[] = [
  { types: () => command("tsc", "--noEmit") },
  { style: () => command("biome", "check", "--error-on-warnings") },
  { python: checkPython },
  { unit: ["unit", "program"] },
  { schemas: ["schemas"] },
  { platform: buildPlatform },
  { life: ["life"] },
  { cluster: ["pipelines", "cluster"], engine: ["engine"] },
  { alone: ["alone"], tasks: () => testTasks(taskSuites, progress) },
  { "model-tasks": () => testTasks(modelTaskSuites, progress) },
  { end: ["end"] },
];
/** Runs only if it is named: it needs images that nothing else needs, and the pipelines run these tasks too. */
const byName = "model-tasks";
const withoutPlatform = ["types", "style", "python", "unit", "schemas"];

/** Runs parts at once, all vitest projects in one run. */
async function runTogether(parts: readonly Part[]): Promise<Required<Count>> {
  const projects = parts.flatMap((part) => (typeof part === "function" ? [] : part));
  const runs = parts.flatMap((part) => (typeof part === "function" ? part() : []));
  return total(await Promise.all(projects.length > 0 ? [vitest(...projects), ...runs] : runs));
}

const chosen = process.argv.slice(2);
const known = steps.flatMap((step) => Object.keys(step));
const unknown = chosen.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(", ")}; the parts are ${known.join(", ")}`);
  process.exit(2);
}
const counts: Count[] = [];
const times: PartTime[] = [];
for (const step of steps) {
  const wanted = (name: string) =>
    chosen.length === 0
      ? name !== byName
      : chosen.includes(name) ||
        (name === "platform" && chosen.some((other) => !withoutPlatform.includes(other)));
  const parts = Object.entries(step).filter(([name]) => wanted(name));
  if (parts.length === 0) continue;
  const name = parts.map(([part]) => part).join(" beside ");
  progress.say(`test: ${name}`);
  const { result: count, time } = await timed(name, () => runTogether(parts.map(([, part]) => part)));
  times.push(time);
  progress.say(`test: ${name}: ${count.passed} passed, ${count.failed} failed`);
  counts.push(count);
  // After any other failure the following steps would only fail later.
  if (count.failed > 0 && name !== "style" && name !== "python") break;
}
// Removes what a part left if `end` did not follow it.
spawnSync(process.execPath, [join(projectDirectory, "scripts/local.ts"), "delete"], {
  cwd: projectDirectory,
  env: testEnvironment,
});
const { passed, failed, failures } = total(counts);
console.log(`\n${timeTable(times)}\n`);
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
