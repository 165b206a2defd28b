/** Every Task is usable with kubectl: each param has an effect and a description, and steps have only the rights they need. */
import { globSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { knownTasks } from "../../pipelines/jobs.ts";
import { loadTasks } from "../../plan/tasks.ts";
import { anyUserEnv, identity } from "../../rules/any-user.ts";

// biome-ignore lint/suspicious/noExplicitAny: parsed YAML
type Manifest = any;

const folders = knownTasks;
const specOf = (folder: string): Manifest => loadTasks("tasks", [folder])[0]?.spec;

/** The source of a step's script, which Tasks may share, and of its imports. */
function sourcesOf({ command, script }: Manifest): string {
  if (script) return script;
  const [file] = globSync(`tasks/*/${basename(command.at(-1))}`);
  if (!file) throw new Error(`no task has a script ${command.at(-1)}`);
  const files = globSync([`${dirname(file)}/*.py`, "tasks/common/*.py"]);
  return files
    .filter((name) => !basename(name).startsWith("test_"))
    .map((name) => readFileSync(name, "utf8"))
    .join("\n");
}

/** Whether a script names a variable, also composed: f"{prefix}HARDWARE". Python scripts use Tekton's names of results. */
function reads(sources: string, name: string, inShell: boolean): boolean {
  const result = /^RESULT_(.*)$/.exec(name)?.[1]?.toLowerCase().replaceAll("_", "-");
  const wanted = result && !inShell ? result : name;
  if (new RegExp(`["'$]\\{?${wanted}\\b`).test(sources)) return true;
  return [...sources.matchAll(/\bf"([^" ]*\{[^" ]*)"/g)].some(([, template = ""]) => {
    const fixed = template.replace(/\{[^}]*\}/g, "");
    return /^\w{4,}$/.test(fixed) && new RegExp(`^${template.replace(/\{[^}]*\}/g, "\\w*")}$`).test(wanted);
  });
}

/** Read by libraries, not by the scripts. */
const ofLibraries = ["HOME", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"];
/** Buildah needs setuid helpers; build-runtime.test.ts checks its capabilities. */
const escalates = ["build-runtime"];

describe.each(folders)("%s", (folder) => {
  const { params = [], results = [], workspaces = [], steps, volumes, description } = specOf(folder);
  const text = JSON.stringify([steps, volumes]);

  test("has descriptions for itself, its params, results and workspaces", () => {
    for (const one of [{ description }, ...params, ...results, ...workspaces])
      expect(one.description?.trim(), one.name).toMatch(/\w+ \w+/);
  });

  test("uses every param, result and workspace", () => {
    for (const { name } of params) expect(text).toMatch(new RegExp(`\\$\\(params\\.${name}(\\[\\*\\])?\\)`));
    for (const { name } of results) expect(text).toContain(`$(results.${name}.path)`);
    for (const { name } of workspaces) expect(text).toContain(`$(workspaces.${name}.`);
  });

  test("has a script that reads every variable of its step", () => {
    const unread = steps.flatMap((step: Manifest) => {
      const sources = sourcesOf(step);
      return (step.env ?? [])
        .map(({ name }: Manifest) => name as string)
        .filter((name: string) => !ofLibraries.includes(name) && !reads(sources, name, step.script));
    });
    expect(unread).toEqual([]);
  });

  test("sets resources for each step, and runs it as non-root, without capabilities, on a read-only filesystem", () => {
    for (const { computeResources, securityContext } of steps) {
      for (const amounts of [computeResources.requests, computeResources.limits])
        expect(amounts).toMatchObject({
          cpu: expect.anything(),
          memory: expect.stringMatching(/^\d+[MG]i$/),
        });
      expect(securityContext).toMatchObject({ runAsNonRoot: true, readOnlyRootFilesystem: true });
      expect(securityContext).not.toHaveProperty("privileged");
      if (escalates.includes(folder)) continue;
      expect(securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
      });
    }
  });

  test("sets no step timeout, and pins no pod to a node", () => {
    // The pipeline sets timeouts, and the run places pods.
    for (const step of steps) expect(step).not.toHaveProperty("timeout");
    expect(text).not.toMatch(/nodeSelector|nvidia\.com/);
  });
});

test("scripts download no programs at run time, and verify certificates", () => {
  const files = globSync("tasks/*/*.py").filter((name) => !basename(name).startsWith("test_"));
  const texts = [...files, ...globSync("tasks/*/task.yaml")].map(
    (name) => [name, readFileSync(name, "utf8")] as const,
  );
  for (const [name, content] of texts) {
    expect(content, name).not.toMatch(/pip3? install|git clone|git\+https|poetry run/);
    expect(content, name).not.toMatch(
      /verify ?= ?False|CERT_NONE|_create_unverified_context|sitecustomize|cert_check ?= ?False|InsecureRequestWarning/,
    );
  }
});

test("images install only packages from a lock with hashes", () => {
  const installs = globSync("images/*/Containerfile").flatMap((name) =>
    readFileSync(name, "utf8")
      .replaceAll("\\\n", " ")
      .split("\n")
      .filter((line) => /pip3? install/.test(line))
      .map((line) => [name, line] as const),
  );
  expect(installs.length).toBeGreaterThan(3);
  for (const [name, line] of installs) {
    expect(line, name).toContain("--require-hashes");
    const locks = [...line.matchAll(/requirements\S*\.txt/g)];
    expect(locks.length, name).toBeGreaterThan(0);
  }
  for (const name of globSync("images/*/*requirements*.txt")) {
    const packages = readFileSync(name, "utf8")
      .replaceAll("\\\n", " ")
      .split("\n")
      .filter((line) => /^[A-Za-z]/.test(line));
    expect(packages.length, name).toBeGreaterThan(0);
    for (const one of packages) expect(one, name).toMatch(/^[\w.[\],-]+==\S+ .*--hash=sha256:[0-9a-f]{64}/);
  }
});

test("images set the variables for a user without a passwd entry, and no step sets them again", () => {
  for (const name of ["tasks", "transformers"]) {
    const containerfile = readFileSync(`images/${name}/Containerfile`, "utf8");
    for (const [variable, value] of Object.entries(identity))
      expect(containerfile, name).toMatch(new RegExp(`^(ENV|   ) ${variable}=${value} \\\\$`, "m"));
  }
  // For other images the run's pod template sets them, which takes precedence over a step.
  for (const folder of folders.filter((folder) => folder !== "build-runtime")) {
    const said = specOf(folder).steps.flatMap(({ env = [] }: Manifest) =>
      env.map(({ name }: Manifest) => name),
    );
    expect(
      said.filter((name: string) => name in anyUserEnv),
      folder,
    ).toEqual([]);
  }
});
