/** The state has nothing of a user or a user's machine, and identifies the cluster. */
import { homedir, hostname, userInfo } from "node:os";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { digest, type Recorded, runProgram, stackConfig } from "./record.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("./plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () => (await import("./plain-dynamic.ts")).readiness());

/** The user's environment. */
const personal = {
  KUBECONFIG: "/home/alice/kubeconfig",
  PULUMI_K8S_DELETE_UNREACHABLE: "true",
  PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS: "true",
};

let resources: readonly Recorded[];
const providers = () => resources.filter(({ type }) => type === "pulumi:providers:kubernetes");
beforeAll(async () => {
  for (const [name, value] of Object.entries(personal)) vi.stubEnv(name, value);
  ({ resources } = await runProgram("local", stackConfig("local")));
  expect(process.env).toMatchObject(personal);
});
afterEach(() => vi.unstubAllEnvs());

test("one provider, which replaces nothing when the context's name changes, and finds the kubeconfig by client-go's rules", () => {
  const [cluster, ...others] = providers();
  expect(others).toEqual([]);
  const { context, kubeconfig, skipUpdateUnreachable, ...switches } = cluster?.inputs ?? {};
  expect({ context, kubeconfig, skipUpdateUnreachable }).toEqual({
    context: "modelcar-local",
    kubeconfig: "",
    skipUpdateUnreachable: "true",
  });
  for (const name of ["clusterIdentifier", "deleteUnreachable", "suppressDeprecationWarnings"]) {
    expect(switches).not.toHaveProperty(name);
  }
});

test("the cluster's identity is a resource of the stack", () => {
  const identity = resources.find(({ type }) => type === "test:cluster:ClusterIdentity");
  expect(identity).toMatchObject({
    name: "cluster-identity",
    inputs: { context: "modelcar-local", namespace: "private-ai-demo" },
  });
});

test("nothing of this machine or user is in what is declared", () => {
  const text = JSON.stringify(resources);
  expect(text).not.toContain("/home/alice");
  expect(text).not.toContain(process.cwd());
  expect(text).not.toContain(`"${hostname()}"`);
  // In a container these are too common to mean anything.
  if (homedir() !== "/root") expect(text).not.toContain(homedir());
  if (userInfo().username !== "root") expect(text).not.toContain(`"${userInfo().username}"`);
});

test("no claim is awaited, in any component", async () => {
  const image = `registry.test/sums@sha256:${digest}`;
  const plain = stackConfig("alone", ({ models }) => {
    models[0].source = { uri: `oci://${image}` };
    delete models[0].package;
    Object.assign(models[0].serve, { mode: "deployment", cache: { size: "20Gi" } });
  });
  const all = [...resources, ...(await runProgram("alone", plain)).resources];
  const claims = all.filter(({ type }) => type.endsWith(":PersistentVolumeClaim"));
  expect(claims.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["storage", "object-store", "sums-cache"]),
  );
  for (const { name, inputs } of claims) {
    expect(inputs.metadata.annotations, name).toMatchObject({ "pulumi.com/skipAwait": "true" });
  }
});
