import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { anyUserEnv } from "../../rules/any-user.ts";
import { type DeploymentServiceSpec, modelDeployment, modelService } from "./deployment-service.ts";

const spec: DeploymentServiceSpec = {
  platform: "kubernetes",
  name: "sums",
  namespace: "ai",
  runtime: {
    name: "vllm-cpu",
    namespace: "ai",
    image: "vllm@sha256:1",
    args: [],
    env: {},
    startupMinutes: 10,
  },
  modelImage: "registry.test/models/sums@sha256:1",
  placement: {},
  serve: {
    gpus: 0,
    cpu: "1",
    cpuLimit: "2",
    memory: "3Gi",
    maxModelLen: 256,
    gpuMemoryUtilization: 0.9,
    vllmArgs: [],
    stopped: false,
  },
  cache: { size: "1Gi", fetch: "image" },
  pullSecrets: ["quay-credentials"],
  mesh: false,
};
const made = (changed: Partial<DeploymentServiceSpec> = {}) => modelDeployment({ ...spec, ...changed });
const fetching = (changed: Partial<DeploymentServiceSpec> = {}) => {
  const [container] = made(changed).spec.template.spec.initContainers;
  if (!container) throw new Error("no init container");
  return container;
};

test("names, labels and ports of Deployment and Service match", () => {
  const deployment = made();
  const service = modelService(spec);
  expect(deployment.metadata.name).toBe(service.metadata.name);
  expect(deployment.spec.template.metadata.labels).toMatchObject(service.spec.selector);
  expect(deployment.spec.selector.matchLabels).toEqual(service.spec.selector);
  const [container] = deployment.spec.template.spec.containers;
  expect(container?.ports.map(({ name }) => name)).toContain(service.spec.ports[0]?.targetPort);
});

test("the server starts as a user without passwd entry, and writes to its own volume", () => {
  const { containers, volumes } = made().spec.template.spec;
  expect(containers[0]?.env).toEqual(
    expect.arrayContaining(Object.entries(anyUserEnv).map(([name, value]) => ({ name, value }))),
  );
  expect(containers[0]?.volumeMounts).toContainEqual({ name: "tmp", mountPath: "/tmp" });
  expect(volumes).toContainEqual({ name: "tmp", emptyDir: {} });
});

test("a model runs in one copy, whose volume is free before the next one starts; stopped, in none", () => {
  expect(made().spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } });
  expect(made({ serve: { ...spec.serve, stopped: true } }).spec.replicas).toBe(0);
});

test("a ModelCar is pulled as the init container's image, with the pod's login", () => {
  expect(fetching().image).toBe(spec.modelImage);
  const { imagePullSecrets, volumes } = made().spec.template.spec as ReturnType<
    typeof made
  >["spec"]["template"]["spec"] & { imagePullSecrets: unknown };
  expect(imagePullSecrets).toEqual([{ name: "quay-credentials" }]);
  expect(JSON.stringify(volumes)).not.toContain("quay-credentials");
});

test("an artefact is fetched by oras, with the login under the key that dockerconfigjson has", () => {
  const cache = { size: "1Gi", fetch: "oras" } as const;
  const orasImage = "oras@sha256:1";
  expect(fetching({ cache, orasImage }).image).toBe(orasImage);
  expect(fetching({ cache, orasImage }).command[2]).toContain(
    'oras pull --no-tty --registry-config /auth/config.json --output "$model" "$MODEL_IMAGE"',
  );
  expect(made({ cache, orasImage }).spec.template.spec.volumes).toContainEqual({
    name: "registry-login",
    secret: { secretName: "quay-credentials", items: [{ key: ".dockerconfigjson", path: "config.json" }] },
  });
  expect(fetching({ cache, orasImage, pullSecrets: [] }).command[2]).not.toContain("--registry-config");
  expect(() => made({ cache })).toThrow("modelcar:images.oras");
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fetch-"));
  for (const name of ["cache", "models"]) mkdirSync(join(folder, name));
  mkdirSync(join(folder, "cache/lost+found"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the script of the init container in temporary directories. */
function fetch(modelImage: string) {
  const script = (fetching().command[2] ?? "")
    .replaceAll("/cache", join(folder, "cache"))
    .replaceAll("/models", join(folder, "models"));
  const env = { ...process.env, MODEL_IMAGE: modelImage, HINT: "hint" };
  return spawnSync("sh", ["-c", script], { env, encoding: "utf8" });
}
const cached = () => readdirSync(join(folder, "cache/model")).sort();

test("an empty volume is filled, even with entries of its file system; a full one is left alone", () => {
  writeFileSync(join(folder, "models/config.json"), "one");
  expect(fetch("a").status).toBe(0);
  expect(cached()).toEqual(["config.json"]);
  writeFileSync(join(folder, "models/config.json"), "two");
  const again = fetch("a");
  expect(again.stdout).toContain("already");
  expect(readFileSync(join(folder, "cache/model/config.json"), "utf8")).toBe("one");
  expect(readdirSync(join(folder, "cache"))).toContain("lost+found");
});

test("an interrupted copy does not count as a model", () => {
  writeFileSync(join(folder, "models/config.json"), "one");
  mkdirSync(join(folder, "cache/model"));
  writeFileSync(join(folder, "cache/model/half.safetensors"), "");
  expect(fetch("a").status).toBe(0);
  expect(cached()).toEqual(["config.json"]);
});

test("another model replaces the first", () => {
  writeFileSync(join(folder, "models/config.json"), "one");
  fetch("a");
  execFileSync("mv", [join(folder, "models/config.json"), join(folder, "models/other.json")]);
  expect(fetch("b").status).toBe(0);
  expect(cached()).toEqual(["other.json"]);
});

test("an image without a model fails with a hint, now and the next time", () => {
  for (const _ of [1, 2]) {
    const { status, stderr } = fetch("a");
    expect(status).toBe(1);
    expect(stderr).toContain("a has no files for the model: hint");
  }
});
