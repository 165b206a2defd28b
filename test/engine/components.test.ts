/** The program's components under the real engine: which of them it finds in a state, what it waits for, how it shows outputs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { createProject, type Project, succeeds } from "./project.ts";

const components = join(import.meta.dirname, "../../components");
let directory: string;
let controlPlane: ControlPlane;
let project: Project;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "modelcar-control-plane-"));
  controlPlane = await startControlPlane(directory);
  await controlPlane.call("POST", "/apis/storage.k8s.io/v1/storageclasses", {
    metadata: { name: "local-path" },
    provisioner: "example.com/none",
    volumeBindingMode: "WaitForFirstConsumer",
  });
  project = await createProject(controlPlane.kubeconfig);
});

afterAll(async () => {
  project?.remove();
  await controlPlane?.stop();
  rmSync(directory, { recursive: true, force: true });
});
const up = () => succeeds(project.pulumi("up", "--yes", "--skip-preview"));

interface Resource {
  readonly urn: string;
  readonly dependencies?: readonly string[];
}
const nameOf = (urn: string) => urn.split("::")[3] as string;
async function resources(): Promise<Resource[]> {
  return JSON.parse(await project.state()).deployment.resources;
}

const cluster = `
  import * as k8s from "@pulumi/kubernetes";
  import * as pulumi from "@pulumi/pulumi";
  const cluster = new k8s.Provider("cluster", {
    context: "test", clusterIdentifier: "test", enableServerSideApply: true,
  });
  const volume = { size: "1Gi", storageClass: "local-path", retain: true };
  const space = new k8s.core.v1.Namespace("ai", { metadata: { name: "ai" } }, { provider: cluster });
  const inSpace = { providers: [cluster], dependsOn: space };
`;

/** The former layout: the claim of a model was added to the storage, which all runs wait for. */
const before = `${cluster}
  import { volumeClaim } from "${components}/storage/manifests.ts";
  class Storage extends pulumi.ComponentResource {
    constructor() {
      super("modelcar:platform:Storage", "storage", {}, inSpace);
      const add = (resource, name, retain) =>
        new k8s.core.v1.PersistentVolumeClaim(resource, volumeClaim({ ...volume, namespace: "ai", name }), {
          parent: this, dependsOn: space, retainOnDelete: retain,
        });
      add("storage", "modelcar-storage", true);
      add("files", "files", true);
    }
  }
  new Storage();
`;

const after = `${cluster}
  import { inheritedDependsOn } from "${components}/shared/inherited-depends-on.ts";
  import { Storage } from "${components}/storage/storage.ts";
  const storage = new Storage("storage", { ...volume, namespace: "ai" }, inSpace);
  class ModelImport extends pulumi.ComponentResource {
    constructor(name, opts) {
      super("modelcar:pipelines:ModelImport", name, {}, inheritedDependsOn(opts));
      storage.modelClaim("files", volume, this);
    }
  }
  new ModelImport("sums", inSpace);
  const waits = { provider: cluster, dependsOn: storage };
  new k8s.core.v1.ConfigMap("waits", { metadata: { name: "waits", namespace: "ai" } }, waits);
`;

it("a model's claim stays the same volume when it moves from the storage to the model", async () => {
  const path = "/api/v1/namespaces/ai/persistentvolumeclaims/files";
  const uid = async () =>
    ((await controlPlane.call("GET", path)) as { metadata: { uid: string } }).metadata.uid;
  project.write({ "index.ts": before });
  await up();
  const first = await uid();

  project.write({ "index.ts": after });
  const preview = await succeeds(project.pulumi("preview"));
  expect(preview).not.toMatch(/replace|delete/);
  // The model's component, and the object that waits for the storage. The claims get the annotation that skips the wait for them.
  expect(preview).toMatch(/2 to create\s+~ 2 to update/);
  await up();
  expect(await uid()).toBe(first);

  const claims = (await resources()).filter(({ urn }) => urn.includes("PersistentVolumeClaim"));
  expect(claims.map(({ urn }) => urn.split("::").slice(2).join(" ")).sort()).toEqual([
    "modelcar:pipelines:ModelImport$kubernetes:core/v1:PersistentVolumeClaim files",
    "modelcar:platform:Storage$kubernetes:core/v1:PersistentVolumeClaim storage",
  ]);
  for (const { dependencies } of claims) expect(dependencies?.map(nameOf)).toContain("ai");
  const waiting = (await resources()).find(({ urn }) => nameOf(urn) === "waits");
  expect(waiting?.dependencies?.map(nameOf)).toEqual(["storage"]);
});

it("the table of models is shown line by line, and no output causes a warning", async () => {
  project.write({
    "index.ts": `
      import * as pulumi from "@pulumi/pulumi";
      import { summaryOf } from "${components}/model/model-outputs.ts";
      const model = (name, results, comparison) => ({
        config: { name, serve: { gpus: 0, hourlyUsd: 0.1, cpuLimit: "2", replicas: 1 } },
        testing: { results: pulumi.output(results) },
        comparison: comparison && { results: pulumi.output(comparison) },
      });
      const scores = '{"sums":{"exact_match":0.95}}';
      export const summary = summaryOf([
        model("sums", { scores, "ttft-ms-p95": "41.25" }),
        model("sums-quantized", { scores }, { recovery: '{"sums":1}', "report-uri": "s3://b/r.html" }),
      ], {});
      export const chat = null;
    `,
  });
  const shown = await up();
  expect(shown).not.toMatch(/warning|\\\\n/);
  expect(shown).toMatch(/\[1\]: "sums +sums 0.950 +41.3 ms/);
  expect(shown).toMatch(/\[2\]: "sums-quantized +sums 0.950 +sums 100.0 %/);
  const printed = await succeeds(project.pulumi("stack", "output", "summary"));
  expect(printed).toMatch(/^- model +accuracy +recovery/);
  expect(printed).toMatch(/^- sums +sums 0.950 +41.3 ms/m);
  expect(printed.trimEnd().split("\n").at(-1)).toBe("- report of sums-quantized: s3://b/r.html");
});
