/**
 * Stacks that exist go on: their state has the text of the provider as it was when a resource last changed. That text still
 * finds its code, and the text of today is no reason for another run or wait. A file in former-providers has resources as a
 * stack exported them, and a run as it was then in the cluster.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeApi } from "@modelcar/kubernetes/testing/fake-api";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Manifest } from "./computed.ts";

const directory = join(import.meta.dirname, "former-providers");
/** As Pulumi's provider process has it. */
const load = createRequire(import.meta.resolve("@pulumi/pulumi"))("require-from-string");
const providerIn = (text: string): Manifest => load(text).handler();

interface Resource {
  readonly type: string;
  readonly id: string;
  readonly inputs: Manifest;
  readonly outputs: Manifest;
}

let api: FakeApi;
let home: string;
beforeEach(async () => {
  api = await FakeApi.start();
  home = mkdtempSync(join(tmpdir(), "kubeconfig-"));
  api.writeKubeconfig(join(home, "config"), ["renamed"]);
  vi.stubEnv("KUBECONFIG", join(home, "config"));
  vi.spyOn(console, "log").mockImplementation(() => {});
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(home, { recursive: true });
  await api.stop();
});

/** The context of the stack's config, which is another name than state has. */
const config = { get: (key: string) => (key === "modelcar:kubeContext" ? "renamed" : undefined) };

describe.each(readdirSync(directory))("resources of %s", (file) => {
  const { resources, runInCluster } = JSON.parse(readFileSync(join(directory, file), "utf8"));
  const runs = `/apis/tekton.dev/v1/namespaces/${runInCluster.metadata.namespace}/pipelineruns`;
  const path = `${runs}/${runInCluster.metadata.name}`;
  const isRun = ({ type }: Resource) => type.endsWith(":PipelineRun");
  const run: Resource = resources.find(isRun);
  const readiness: Resource = resources.find((resource: Resource) => !isRun(resource));

  /** What the classes of today give to their providers for the same arguments, by type. */
  let today: Record<string, Manifest>;
  beforeAll(() => {
    const args = ({ inputs: { __provider: _, ...rest } }: Resource) => rest;
    const script = join(import.meta.dirname, "declare-dynamic.ts");
    const input = JSON.stringify({ run: args(run), readiness: args(readiness) });
    const { stdout, stderr } = spawnSync(process.execPath, [script], { input, encoding: "utf8" });
    expect(stderr).toBe("");
    today = JSON.parse(stdout);
  }, 120_000);
  beforeEach(() => {
    const name = runInCluster.metadata.namespace;
    api.put(`/api/v1/namespaces/${name}`, { metadata: { name, uid: run.outputs.namespaceUid } });
    api.put(path, runInCluster);
  });

  it.each<Resource>(resources)("$type: today's provider sees no change", async (resource) => {
    const news = today[resource.type];
    const { __provider: text, ...inputs } = news;
    const { __provider: former, ...old } = resource.inputs;
    expect(text).not.toBe(former);
    expect(inputs).toEqual(old);
    const provider = providerIn(text);
    await provider.configure({ config });
    expect(await provider.check(resource.inputs, news)).toEqual({ inputs: news, failures: [] });
    const { changes, replaces = [] } = await provider.diff(resource.id, resource.outputs, news);
    expect([changes, replaces]).toEqual([false, []]);
    expect(api.requests).toEqual([]);
  });

  it.each<Resource>(resources)(
    "$type: the provider in state reads by the stack's context",
    async (resource) => {
      const provider = providerIn(resource.outputs.__provider);
      await provider.configure({ config });
      const { id, props } = await provider.read(resource.id, resource.outputs);
      expect(id).toBe(resource.id);
      // The model is served by nobody here.
      const { url: _, ...others } = resource.outputs;
      expect(props).toEqual(isRun(resource) ? resource.outputs : others);
      expect(api.requests).toHaveLength(1);
    },
  );

  it("a run of that time is found again by today's provider, and none is started", async () => {
    const provider = providerIn(today[run.type].__provider);
    await provider.configure({ config });
    const { outs } = await provider.create(run.inputs);
    expect([outs.name, outs.results]).toEqual([run.outputs.name, run.outputs.results]);
    expect(api.requests.filter((request) => request.startsWith("POST"))).toEqual([]);
  });

  it("a run of that time is deleted by the provider in state", async () => {
    const provider = providerIn(run.outputs.__provider);
    await provider.configure({ config });
    api.put("/version", { metadata: {} });
    await provider.delete(run.id, run.outputs);
    expect(api.object(path)).toBeUndefined();
  });
});
