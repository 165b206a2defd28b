import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtPlugins } from "../../local/stack.ts";
import { providerVersion } from "../../local/toolchain/pulumi-kubernetes.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { type CliResult, createProject, fails, type Project, succeeds } from "./project.ts";

let directory: string;
let controlPlane: ControlPlane;
let project: Project;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "modelcar-control-plane-"));
  controlPlane = await startControlPlane(directory);
  await Promise.all([
    customResource("tekton.dev", "v1", "Task", "tasks"),
    customResource("serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices"),
    controlPlane.call("POST", "/apis/storage.k8s.io/v1/storageclasses", {
      metadata: {
        name: "local-path",
        annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
      },
      provisioner: "example.com/none",
      volumeBindingMode: "WaitForFirstConsumer",
    }),
  ]);
  project = await createProject(controlPlane.kubeconfig);
});

afterAll(async () => {
  project?.remove();
  await controlPlane?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function customResource(group: string, version: string, kind: string, plural: string): Promise<void> {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  await controlPlane.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: [{ name: version, served: true, storage: true, subresources: { status: {} }, schema }],
    },
  });
}

/** Writes a program that declares `resources` with the provider `provider`, and the namespace `demo` before them. */
function program(resources: string, providerArguments = ""): void {
  project.write({
    "index.ts": `
      import * as k8s from "@pulumi/kubernetes";
      import { takeFieldsBack } from ${JSON.stringify(join(import.meta.dirname, "../../components/shared/field-ownership.ts"))};
      const provider = new k8s.Provider("cluster", {
        context: "test", clusterIdentifier: "test", enableServerSideApply: true,
        enableSecretMutable: true, enableConfigMapMutable: true, ${providerArguments}
      });
      const opts = { provider, transformations: [takeFieldsBack] };
      const demo = new k8s.core.v1.Namespace("demo", { metadata: { name: "demo" } }, opts);
      const namespace = demo.metadata.name;
      ${resources}
    `,
  });
}

async function up(): Promise<CliResult> {
  return project.pulumi("up", "--yes", "--skip-preview");
}

async function expectNoChanges(): Promise<void> {
  const { code, output } = await project.pulumi("preview", "--diff", "--expect-no-changes");
  expect(code, output).toBe(0);
}

const QUOTA = "/api/v1/namespaces/demo/resourcequotas/quota";
const patch = (path: string, body: unknown) =>
  controlPlane.call("PATCH", path, body, "application/merge-patch+json");
const get = async (path: string) => (await controlPlane.call("GET", path)) as Record<string, never>;

const quota = (cpu: string) => `
  const quota = new k8s.core.v1.ResourceQuota("quota", {
    metadata: { name: "quota", namespace }, spec: { hard: { "requests.cpu": "${cpu}", pods: "20" } },
  }, opts);
`;

const EVERYTHING = `
  ${quota("4000m")}
  new k8s.core.v1.LimitRange("limits", { metadata: { name: "limits", namespace }, spec: {
    limits: [{ type: "Container", default: { cpu: "0.5", memory: "1024Mi" }, defaultRequest: { cpu: "100m" } }],
  } }, opts);
  const account = new k8s.core.v1.ServiceAccount("account", {
    metadata: { name: "pipeline", namespace }, automountServiceAccountToken: false,
  }, opts);
  const secret = new k8s.core.v1.Secret("secret", {
    metadata: { name: "minio-credentials", namespace }, stringData: { AWS_SECRET_ACCESS_KEY: "canary-7b2e" },
  }, opts);
  const files = new k8s.core.v1.ConfigMap("files", { metadata: { namespace }, data: { a: "1" } }, opts);
  new k8s.core.v1.PersistentVolumeClaim("models", { metadata: { name: "models", namespace }, spec: {
    accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "5120Mi" } },
  } }, opts);
  new k8s.core.v1.Service("minio", { metadata: { name: "minio", namespace }, spec: { ports: [{ port: 9000 }] } }, opts);
  new k8s.apps.v1.Deployment("minio", { metadata: { name: "minio", namespace }, spec: {
    replicas: 0,
    selector: { matchLabels: { app: "minio" } },
    template: { metadata: { labels: { app: "minio" } }, spec: {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [{
        name: "minio", image: "minio:1", env: [{ name: "EMPTY", value: "" }],
        resources: { limits: { cpu: "1000m" } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      }],
      volumes: [{ name: "data", emptyDir: { sizeLimit: "1024Mi" } }],
    } },
  } }, opts);
  const role = new k8s.rbac.v1.Role("role", { metadata: { name: "role", namespace }, rules: [
    { apiGroups: [""], resources: ["pods"], verbs: ["get"] },
  ] }, opts);
  new k8s.rbac.v1.RoleBinding("binding", {
    metadata: { name: "binding", namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
    subjects: [{ kind: "ServiceAccount", name: account.metadata.name, namespace }],
  }, opts);
  new k8s.networking.v1.NetworkPolicy("policy", { metadata: { name: "policy", namespace }, spec: {
    podSelector: {}, policyTypes: ["Ingress"], ingress: [],
  } }, opts);
  new k8s.apiextensions.CustomResource("task", {
    apiVersion: "tekton.dev/v1", kind: "Task", metadata: { name: "task", namespace },
    spec: { params: [{ name: "size", default: "1000m" }], steps: [{ name: "s", image: "i", script: "" }] },
  }, opts);
  export const names = { files: files.metadata.name, phase: demo.status.phase };
`;

it("is Pulumi's own provider, with the schema's version that npm run status prints", async () => {
  const { stdout, output } = await project.pulumi("package", "get-schema", builtPlugins().kubernetes);
  const { name, version, publisher, resources } = JSON.parse(stdout || "{}");
  expect({ name, version, publisher }, output.slice(0, 500)).toEqual({
    name: "kubernetes",
    version: providerVersion(),
    publisher: "Pulumi",
  });
  // It also has kinds that this program does not use.
  expect(resources).toHaveProperty("kubernetes:helm.sh/v4:Chart");
});

it("creates every kind, finds no changes after it, and keeps secrets secret", {
  timeout: 300_000,
}, async () => {
  program(EVERYTHING);
  const preview = await succeeds(project.pulumi("preview"));
  expect(preview).toContain("15 to create");
  await expect(get("/api/v1/namespaces/demo")).rejects.toThrow("404");

  const created = await succeeds(up());
  expect(await project.outputs()).toEqual({
    names: { files: expect.stringMatching(/^files-[0-9a-f]{8}$/), phase: "Active" },
  });
  expect(created).not.toContain("canary-7b2e");
  const state = await project.state();
  expect(state).not.toContain("canary-7b2e");
  expect(state).not.toContain(Buffer.from("canary-7b2e").toString("base64"));
  const live = (await get("/api/v1/namespaces/demo/secrets/minio-credentials")) as unknown as {
    data: Record<string, string>;
  };
  expect(Buffer.from(live.data.AWS_SECRET_ACCESS_KEY ?? "", "base64").toString()).toBe("canary-7b2e");

  await expectNoChanges();
  const refreshed = await succeeds(project.pulumi("refresh", "--yes", "--skip-preview"));
  expect(refreshed).toContain("15 unchanged");
  await expectNoChanges();
});

it("finds drift of declared fields only, and repairs it", async () => {
  await patch(QUOTA, { metadata: { labels: { foreign: "yes" } }, spec: { hard: { services: "3" } } });
  await succeeds(project.pulumi("refresh", "--yes", "--skip-preview"));
  await expectNoChanges();

  await patch(QUOTA, { spec: { hard: { pods: "99" } } });
  const drift = await succeeds(project.pulumi("preview", "--refresh", "--diff"));
  expect(drift).toMatch(/pods\s*: "99" => "20"/);
  await succeeds(project.pulumi("refresh", "--yes", "--skip-preview"));
  await succeeds(up());
  expect(await get(QUOTA)).toMatchObject({ spec: { hard: { pods: "20", services: "3" } } });

  await controlPlane.call("DELETE", "/apis/networking.k8s.io/v1/namespaces/demo/networkpolicies/policy");
  const gone = await succeeds(project.pulumi("refresh", "--yes", "--skip-preview"));
  expect(gone).toContain("1 deleted");
  expect(await succeeds(up())).toContain("1 created");
});

it("updates in place what it can, and drops fields that the program drops", async () => {
  const changed = EVERYTHING.replace('"4000m"', '"6"').replace(
    "replicas: 0",
    "replicas: 0, minReadySeconds: 3",
  );
  program(changed);
  expect(await succeeds(project.pulumi("preview"))).toContain("2 to update");
  expect(await succeeds(up())).toContain("2 updated");
  expect(await get(QUOTA)).toMatchObject({ spec: { hard: { "requests.cpu": "6" } } });

  const task = "/apis/tekton.dev/v1/namespaces/demo/tasks/task";
  program(changed.replace('params: [{ name: "size", default: "1000m" }],', ""));
  expect(await succeeds(up())).toContain("1 updated");
  expect(await get(task)).toMatchObject({ spec: { steps: [{ name: "s" }] } });
  expect(JSON.stringify(await get(task))).not.toContain('"params"');
  await expectNoChanges();
});

it("updates Secrets in place, and shows neither their old nor their new value", async () => {
  program(EVERYTHING);
  await succeeds(up());
  program(EVERYTHING.replace('"canary-7b2e"', '"canary-9c4f"'));
  const preview = await succeeds(project.pulumi("preview", "--diff"));
  expect(preview).toMatch(/~ kubernetes:core\/v1:Secret: \(update\)/);
  expect(preview).not.toContain("canary");
  expect(await succeeds(up())).toContain("1 updated");
  expect(await project.state()).not.toContain("canary");
});

it("replaces nothing if a resource has a new name and its old one as an alias", async () => {
  const renamed = EVERYTHING.replace('"canary-7b2e"', '"canary-9c4f"').replace(
    /PersistentVolumeClaim\("models", ([\s\S]*?), opts\);/,
    'PersistentVolumeClaim("volumes", $1, { ...opts, aliases: [{ name: "models" }] });',
  );
  program(renamed);
  await expectNoChanges();
  expect(await succeeds(up())).toContain("15 unchanged");
  expect(await project.state()).toContain("PersistentVolumeClaim::volumes");
});

describe("waiting", () => {
  it("reports why a rollout fails and updates again in the next run", async () => {
    const deployment = (more: string) => `
      new k8s.apps.v1.Deployment("stuck", { metadata: { name: "stuck", namespace }, spec: {
        ${more}
        selector: { matchLabels: { app: "stuck" } },
        template: { metadata: { labels: { app: "stuck" } }, spec: { containers: [{ name: "c", image: "i" }] } },
      } }, { ...opts, customTimeouts: { create: "8s" } });
    `;
    program(deployment("progressDeadlineSeconds: 2,"));
    const failure = await fails(up());
    expect(failure).toContain("Deployment::stuck");
    expect(failure).toContain("has timed out progressing");
    program(deployment("replicas: 0, progressDeadlineSeconds: 2,"));
    expect(await succeeds(up())).toContain("1 updated");
  });

  it("ends at Ctrl-C and continues with the object in the next run", async () => {
    const service = (annotations: string) => `
      new k8s.core.v1.Service("lonely", { metadata: { name: "lonely", namespace, annotations: { ${annotations} } }, spec: {
        selector: { app: "nobody" }, ports: [{ port: 80 }],
      } }, opts);
    `;
    program(service(""));
    const interrupted = await project.interrupted(/Finding Pods/, "up", "--yes", "--skip-preview");
    expect(interrupted.code).not.toBe(0);
    program(service('"pulumi.com/skipAwait": "true"'));
    expect(await succeeds(up())).toMatch(/1 (created|updated)/);
  });

  it("waits for the condition of pulumi.com/waitFor", async () => {
    program(`
      new k8s.apiextensions.CustomResource("service", {
        apiVersion: "serving.kserve.io/v1beta1", kind: "InferenceService",
        metadata: { name: "sums", namespace, annotations: { "pulumi.com/waitFor": "condition=Ready" } },
        spec: { predictor: {} },
      }, { ...opts, customTimeouts: { create: "60s" } });
    `);
    const running = up();
    const path = "/apis/serving.kserve.io/v1beta1/namespaces/demo/inferenceservices/sums";
    await expect.poll(() => get(path).catch(() => undefined), { timeout: 30_000 }).toBeDefined();
    await patch(`${path}/status`, { status: { conditions: [{ type: "Ready", status: "True" }] } });
    expect(await succeeds(running)).toContain("1 created");
  });
});

it("adopts an object by import", async () => {
  await controlPlane.call("POST", "/api/v1/namespaces/demo/configmaps", {
    metadata: { name: "foreign" },
    data: { owner: "others" },
  });
  program(`
    new k8s.core.v1.ConfigMap("foreign", {
      metadata: { name: "foreign", namespace: "demo" }, data: { owner: "others" },
    }, { ...opts, import: "demo/foreign" });
  `);
  expect(await succeeds(up())).toContain("1 imported");
  await expectNoChanges();
});

it("names the kind whose CustomResourceDefinition is missing", async () => {
  program(`
    new k8s.apiextensions.CustomResource("registry", {
      apiVersion: "modelregistry.opendatahub.io/v1beta1", kind: "ModelRegistry",
      metadata: { name: "registry", namespace }, spec: {},
    }, opts);
  `);
  const failure = await fails(up());
  expect(failure).toMatch(/ModelRegistry/);
  expect(failure).toMatch(/no matches for kind|CRD|CustomResourceDefinition/);
});

it("reports the API server's own message in a preview", async () => {
  program(`
    new k8s.core.v1.ResourceQuota("bad", {
      metadata: { name: "bad", namespace: "default" }, spec: { hard: { pods: "many" } },
    }, opts);
  `);
  expect(await fails(project.pulumi("preview"))).toContain("quantities must match the regular expression");
});

it("deletes everything and waits until it is gone", async () => {
  program(quota("1"));
  await succeeds(up());
  await succeeds(project.pulumi("destroy", "--yes", "--skip-preview"));
  await expect(get("/api/v1/namespaces/demo")).rejects.toThrow("404");
});
