/** A stack whose context, kubeconfig or cluster changes: how the engine and the provider handle what the program declares. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { pulumiEnvironment } from "../../local/pulumi/environment.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { type CliResult, createProject, fails, type Project, succeeds } from "./project.ts";

const repository = join(import.meta.dirname, "../..");
/** How the provider was declared before the cluster had an identity: by the context's name, with $KUBECONFIG in the state. */
const former = `new k8s.Provider("cluster", { context, clusterIdentifier: context, enableServerSideApply: true })`;
const present = `connectCluster(context, "demo")`;
const program = (provider: string) => `
  import * as k8s from "@pulumi/kubernetes";
  import * as pulumi from "@pulumi/pulumi";
  import { connectCluster } from "./components/cluster/connection.ts";
  const context = new pulumi.Config("modelcar").require("kubeContext");
  const opts = { provider: ${provider} };
  const demo = new k8s.core.v1.Namespace("demo", { metadata: { name: "demo" } }, opts);
  new k8s.core.v1.ConfigMap("files", { metadata: { name: "files", namespace: demo.metadata.name }, data: { a: "1" } }, opts);
`;

/** Each test runs the CLI many times. */
const minutes = 300_000;

let directory: string;
let controlPlane: ControlPlane;
let original: string;
let project: Project;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "modelcar-control-plane-"));
  controlPlane = await startControlPlane(directory);
  original = readFileSync(controlPlane.kubeconfig, "utf8");
});
afterAll(async () => {
  await controlPlane?.stop();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  writeFileSync(controlPlane.kubeconfig, original);
  return async () => {
    writeFileSync(controlPlane.kubeconfig, original);
    await project?.pulumi("destroy", "--yes", "--skip-preview", "--run-program");
    project?.remove();
  };
});

/** Deploys a stack with the given provider. */
async function stack(provider: string): Promise<void> {
  project = await createProject(controlPlane.kubeconfig);
  symlinkSync(join(repository, "components"), join(project.directory, "components"));
  const manifest = "name: engine\nruntime: { name: nodejs, options: { typescript: false } }\n";
  project.write({
    "Pulumi.yaml": `${manifest}options: { refresh: always }\n`,
    "index.ts": program(provider),
  });
  await succeeds(project.pulumi("config", "set", "modelcar:kubeContext", "test"));
  await succeeds(project.pulumi("up", "--yes", "--skip-preview"));
}

/** Another person's kubeconfig, in which the context has another name and the first name does not exist. */
async function anotherName(): Promise<void> {
  const content = original.replace('"current-context":"test"', '"current-context":"renamed"');
  writeFileSync(
    controlPlane.kubeconfig,
    content.replace('"contexts":[{"name":"test"', '"contexts":[{"name":"renamed"'),
  );
  await succeeds(project.pulumi("config", "set", "modelcar:kubeContext", "renamed"));
}

/** Runs the CLI with additional environment variables. */
async function pulumiWith(variables: NodeJS.ProcessEnv, ...args: string[]): Promise<CliResult> {
  const [stateDirectory, binDirectory] = ["state", "bin"].map((name) => join(project.directory, "..", name));
  if (!stateDirectory || !binDirectory) throw new Error("no directories");
  const env = {
    ...pulumiEnvironment({ stateDirectory, binDirectory, kubeconfig: controlPlane.kubeconfig }),
    ...variables,
  };
  const flags = ["--non-interactive", "--color=never", ...args];
  const options = { cwd: project.directory, env };
  return promisify(execFile)(join(binDirectory, "pulumi"), flags, options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, output: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, output: stdout + stderr }),
  );
}

/** Edits the state, as if it came from another machine or cluster. */
async function editState(edit: (state: string) => string): Promise<void> {
  const file = join(project.directory, "state.json");
  writeFileSync(file, edit(await project.state()));
  await succeeds(project.pulumi("stack", "import", "--file", file));
}

const uidOf = async (name: string) => {
  const found = (await controlPlane.call("GET", `/api/v1/namespaces/${name}`)) as {
    metadata: { uid: string };
  };
  return found.metadata.uid;
};

it(
  "accepts another context name for the same cluster",
  async () => {
    await stack(present);
    const uid = await uidOf("demo");
    await anotherName();
    expect(await succeeds(project.pulumi("preview", "--diff"))).not.toMatch(/to (replace|create|delete)\b/);
    expect(await succeeds(project.pulumi("up", "--yes"))).not.toMatch(/\d (replaced|created|deleted)/);
    expect(await uidOf("demo")).toBe(uid);
    // From now on a refresh uses the new name too, in the dynamic providers as in the official one.
    expect(await succeeds(project.pulumi("preview", "--expect-no-changes"))).not.toContain("warning");
  },
  minutes,
);

it(
  "keeps nothing of a person's machine in the state",
  async () => {
    await stack(present);
    // Relative to the project, which here has links to the repository.
    const state = (await project.state()).replaceAll(/"sourcePosition": .*/g, "");
    expect(state).not.toContain(directory);
    expect(state).not.toContain(repository);
  },
  minutes,
);

it(
  "repairs a stack whose state has a kubeconfig's path and a context's name as its cluster",
  async () => {
    await stack(former);
    expect(await project.state()).toContain(controlPlane.kubeconfig);
    await editState((state) => state.replaceAll(controlPlane.kubeconfig, "/home/alice/kubeconfig"));
    project.write({ "index.ts": program(present) });
    await anotherName();
    const shown = await succeeds(project.pulumi("preview", "--diff", "--run-program"));
    expect(shown).not.toMatch(/to (replace|delete)\b/);
    await succeeds(project.pulumi("up", "--yes", "--run-program"));
    expect(await project.state()).not.toContain("/home/alice");
    await succeeds(project.pulumi("preview", "--expect-no-changes"));
  },
  minutes,
);

it(
  "refuses another cluster behind the context, before anything is touched",
  async () => {
    await stack(present);
    const uid = await uidOf("kube-system");
    await editState((state) => state.replaceAll(uid, "of-another-cluster"));
    const said = new RegExp(
      `leads to a cluster other than this stack's.*has uid ${uid}, and had of-another-cluster`,
    );
    for (const command of [
      ["preview"],
      ["preview", "--refresh=false"],
      ["up", "--yes"],
      ["destroy", "--yes"],
    ]) {
      const output = await fails(project.pulumi(...command));
      expect(output.replaceAll("\n", " "), command.join(" ")).toMatch(said);
    }
    expect(await project.state()).toContain("of-another-cluster");
    await succeeds(pulumiWith({ MODELCAR_NEW_CLUSTER: uid }, "up", "--yes"));
    await succeeds(project.pulumi("preview", "--expect-no-changes"));
  },
  minutes,
);

it(
  "gives up a cluster that is gone when the user says so",
  async () => {
    await stack(present);
    writeFileSync(controlPlane.kubeconfig, original.replaceAll('"test"', '"other"'));
    const named = await fails(project.pulumi("preview"));
    expect(named).toContain('no context "test" (it has: other)');
    expect(await fails(project.pulumi("destroy", "--yes"))).toContain("PULUMI_K8S_DELETE_UNREACHABLE");
    await succeeds(pulumiWith({ PULUMI_K8S_DELETE_UNREACHABLE: "true" }, "destroy", "--yes"));
    expect(await project.state()).not.toContain("kubernetes:core");
    writeFileSync(controlPlane.kubeconfig, original);
    await controlPlane.call("DELETE", "/api/v1/namespaces/demo");
  },
  minutes,
);
