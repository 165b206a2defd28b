/** How the official provider handles the claims that the program declares. */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { createProject, type Project } from "./project.ts";

const manifest = (storageClass: string) =>
  `volumeClaim({ namespace: "default", name: "${storageClass}", size: "1Gi", storageClass: "${storageClass}" })`;
const program = (claim: string) => `
  import * as k8s from "@pulumi/kubernetes";
  import { volumeClaim } from "./components/storage/manifests.ts";
  import { declareClaim } from "./components/storage/volume-claim.ts";
  const opts = { provider: new k8s.Provider("cluster", { context: "test", kubeconfig: "" }) };
  ${claim}
`;

let directory: string;
let controlPlane: ControlPlane;
let project: Project;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "modelcar-control-plane-"));
  controlPlane = await startControlPlane(directory);
  for (const volumeBindingMode of ["Immediate", "WaitForFirstConsumer"]) {
    await controlPlane.call("POST", "/apis/storage.k8s.io/v1/storageclasses", {
      metadata: { name: volumeBindingMode.toLowerCase() },
      provisioner: "example.com/none",
      volumeBindingMode,
    });
  }
  project = await createProject(controlPlane.kubeconfig);
  symlinkSync(join(import.meta.dirname, "../../components"), join(project.directory, "components"));
});
afterAll(async () => {
  project?.remove();
  await controlPlane?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function up(claim: string): Promise<string> {
  project.write({ "index.ts": program(claim) });
  const { code, output } = await project.pulumi("up", "--yes", "--skip-preview");
  expect(code, output).toBe(0);
  return output;
}

it("is declared without a wait; one that was awaited before is updated in place", async () => {
  await up(`new k8s.core.v1.PersistentVolumeClaim("models", ${manifest("waitforfirstconsumer")}, opts);`);
  expect(await up(`declareClaim("models", ${manifest("waitforfirstconsumer")}, opts);`)).toContain(
    "1 updated",
  );
});

it("is not awaited if nothing ever binds it, but its deletion is", async () => {
  // Awaited, it fails after 300 s: longer than this test may take.
  expect(await up(`declareClaim("unbound", ${manifest("immediate")}, opts);`)).toContain("1 created");
  const claims = "/api/v1/namespaces/default/persistentvolumeclaims";
  await up("");
  expect(await controlPlane.call("GET", claims)).toMatchObject({ items: [] });
});
