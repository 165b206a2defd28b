/** The program as a process: streams, signals, exit status. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { afterEach, beforeEach, expect, test } from "vitest";
import { directory, stackFileOf } from "./test-stack.ts";

const runs = "/apis/tekton.dev/v1/namespaces/private-ai-demo/pipelineruns";
const file = stackFileOf("dev");
let api: FakeApi;
let child: ChildProcess | undefined;

beforeEach(async () => {
  api = await FakeApi.start();
  api.put(`${runs}/one`, { metadata: { name: "one" }, spec: { pipelineRef: { name: "model-import" } } });
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await api.stop();
});

/** Starts the program with a kubeconfig whose current context is another cluster. */
function start(...args: string[]) {
  const kubeconfig = join(mkdtempSync(join(tmpdir(), "modelcar-kube-")), "config");
  api.writeKubeconfig(kubeconfig, ["dev"], { elsewhere: "other" });
  return startWith({ KUBECONFIG: kubeconfig }, [...args, "--config-file", file]);
}

function startWith(environment: Readonly<Record<string, string | undefined>>, args: readonly string[]) {
  child = spawn(process.execPath, ["scripts/pipelines.ts", ...args], {
    cwd: directory,
    env: { ...process.env, ...environment },
  });
  const text = { out: "", error: "" };
  child.stdout?.on("data", (chunk) => (text.out += chunk));
  child.stderr?.on("data", (chunk) => (text.error += chunk));
  const ended = new Promise<number | null>((resolve) => child?.on("close", resolve));
  return { text, ended };
}

async function watched() {
  await expect.poll(() => api.openWatches, { timeout: 20_000 }).toBe(2);
}

test("Ctrl-C leaves the run going, says how to watch it again, and exits with 130", async () => {
  const { text, ended } = start("monitor-pipeline");
  await watched();
  child?.kill("SIGINT");
  expect(await ended).toBe(130);
  expect(text.error).toContain("interrupted: one goes on");
  expect(text.error).toContain(
    `npm run pipelines -- monitor-pipeline --stack dev --config-file ${file} -r one`,
  );
  expect(api.object(`${runs}/one`).spec.status).toBeUndefined();
}, 40_000);

test("with --cancel-on-interrupt it cancels the run", async () => {
  const { text, ended } = start("monitor-pipeline", "--cancel-on-interrupt");
  await watched();
  child?.kill("SIGINT");
  expect(await ended).toBe(130);
  expect(text.error).toContain("one is cancelled");
  expect(api.object(`${runs}/one`).spec.status).toBe("CancelledRunFinally");
}, 40_000);

test("with --output json, stdout has the document alone", async () => {
  const { text, ended } = start("list", "-o", "json");
  expect(await ended).toBe(0);
  expect(JSON.parse(text.out)).toMatchObject([{ name: "one", outcome: "running" }]);
}, 40_000);

test("no line of a log is rewritten: no control characters", async () => {
  const { text, ended } = start("monitor-pipeline");
  await watched();
  api.edit(`${runs}/one`, (run) => {
    run.status = { conditions: [{ type: "Succeeded", status: "False", reason: "Failed", message: "why" }] };
  });
  expect(await ended).toBe(1);
  expect(text.out + text.error).toContain("Failed: why");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters must not occur
  expect(text.out + text.error).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
}, 40_000);

test.each([
  [
    ["list", "--context", "modelcar-local", "-n", "x"],
    "no kubeconfig /nowhere/kubeconfig: start it with npm start",
  ],
  [
    ["list", "--stack", "local"],
    "stack local has no /nowhere/pulumi/Pulumi.local.yaml: run npm start, which",
  ],
])(
  "%j before npm start says what to do",
  async (args, message) => {
    const { text, ended } = startWith({ MODELCAR_STATE: "/nowhere", KUBECONFIG: undefined }, args);
    expect(await ended).toBe(1);
    expect(text.error).toContain(message);
    expect(text.error).not.toContain("ENOENT");
  },
  40_000,
);

test("a missing kubeconfig of KUBECONFIG is named", async () => {
  const { text, ended } = startWith({ KUBECONFIG: "/nowhere/config" }, [
    "list",
    "--context",
    "dev",
    "-n",
    "x",
  ]);
  expect(await ended).toBe(1);
  expect(text.error).toMatch(
    /^error: KUBECONFIG names \/nowhere\/config, which does not exist: name your kubeconfig there/,
  );
});
