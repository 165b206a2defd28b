/** Destroys the stack and deletes the platform that the other cluster tests leave. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { cacheDirectory, clusterName } from "../../local/paths.ts";
import { commandLines, list, project, pulumi, script, stateDirectory } from "./platform.ts";

const interfaces = () => execFileSync("ls", ["/sys/class/net"], { encoding: "utf8" });

// If only some of the tests run, the platform may be down.
beforeAll(async () => {
  expect((await script("start")).status).toBe(0);
});

it("stop in another checkout, whose platform is not running, does not affect this one's", async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "modelcar-elsewhere-"));
  execFileSync(process.execPath, [join(project, "scripts/local.ts"), "stop"], {
    env: { ...process.env, MODELCAR_STATE: elsewhere },
  });
  rmSync(elsewhere, { recursive: true });
  expect((await list("nodes")).length).toBeGreaterThan(0);
});

it("destroy removes everything, including what runs have deployed", async () => {
  expect((await pulumi("destroy", "--yes", "--skip-preview")).status).toBe(0);
  const ours = ["private-ai-demo", "model-storage", "model-registry"];
  const namespaces = (await list("namespaces")).map(({ metadata }) => metadata.name);
  const claims = (await list("persistentvolumes")).map((volume) => volume.spec.claimRef.namespace);
  for (const namespace of ours) {
    expect(namespaces).not.toContain(namespace);
    expect(claims).not.toContain(namespace);
  }
  for (const kind of ["inferenceservices", "servingruntimes", "pipelineruns", "pipelines", "tasks"]) {
    const left = await list(kind, "--all-namespaces");
    expect(left.filter(({ metadata }) => ours.includes(metadata.namespace))).toEqual([]);
  }
});

it("delete leaves no process, mount, interface, control group or file behind", async () => {
  const { pid } = JSON.parse(readFileSync(`${stateDirectory}/sandbox.json`, "utf8"));
  const before = interfaces();
  expect((await script("local", "delete")).status).toBe(0);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(commandLines().filter((command) => command.includes(stateDirectory))).toEqual([]);
  const mounts = readFileSync("/proc/mounts", "utf8");
  expect(mounts).not.toContain(stateDirectory);
  expect(mounts).not.toContain(cacheDirectory);
  // The pods' interfaces are in their own network namespace, which the machine never sees.
  expect(before).not.toMatch(/pods0|veth|kube/);
  expect(interfaces()).toBe(before);
  expect(
    execFileSync("find", ["/sys/fs/cgroup", "-maxdepth", "2", "-name", clusterName], { encoding: "utf8" }),
  ).toBe("");
  expect(existsSync(stateDirectory)).toBe(false);
});
