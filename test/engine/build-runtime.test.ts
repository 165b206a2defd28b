/**
 * The script of the Task build-runtime with the real Buildah and a real registry. It runs as root here, because user namespaces
 * of other users need newuidmap, which is not among this platform's tools.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { debianEnvironment, debianProgram } from "../../local/toolchain/debian.ts";
import { goProgram } from "../../local/toolchain/go.ts";
import { freePort } from "./control-plane.ts";

const { spec } = parse(readFileSync("tasks/build-runtime/task.yaml", "utf8"));
const [step] = spec.steps;
const folder = mkdtempSync(join(tmpdir(), "modelcar-build-runtime-"));
const path = (...names: string[]) => join(folder, ...names);
/** base64 of robot:robot-password, whose bcrypt hash the registry has. */
const login = Buffer.from("robot:robot-password").toString("base64");
const htpasswd = "robot:$2b$04$uzjFSN9MoPT.2moHZmtimOFXouIy3WgOtIjoYfnY/c7IoyyyUgMMC\n";
let registry: ChildProcess;
let address: string;

beforeAll(async () => {
  for (const name of ["source", "home/.config/containers", "auth"])
    mkdirSync(path(name), { recursive: true });
  copyFileSync(debianProgram("bin/busybox"), path("source/busybox"));
  const policy = { default: [{ type: "insecureAcceptAnything" }] };
  writeFileSync(path("home/.config/containers/policy.json"), JSON.stringify(policy));
  address = `127.0.0.1:${await freePort()}`;
  writeFileSync(path("auth/.dockerconfigjson"), JSON.stringify({ auths: { [address]: { auth: login } } }));
  writeFileSync(path("htpasswd"), htpasswd);
  const configuration = {
    version: "0.1",
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: path("registry") } },
    http: { addr: address },
    auth: { htpasswd: { realm: "test", path: path("htpasswd") } },
  };
  writeFileSync(path("registry.yaml"), JSON.stringify(configuration));
  const env = { ...process.env, OTEL_TRACES_EXPORTER: "none" };
  registry = spawn(goProgram("registry", "registry"), ["serve", path("registry.yaml")], {
    env,
    stdio: "ignore",
  });
  while (!(await fetch(`http://${address}/v2/`).catch(() => undefined))) {
    if (registry.exitCode !== null) throw new Error(`the registry ended with ${registry.exitCode}`);
    await sleep(100);
  }
});
afterAll(() => {
  registry.kill();
  rmSync(folder, { recursive: true });
});

/** Runs the step with the environment that Tekton would give it. */
function build(
  containerfile: string,
  params: Record<string, string>,
  args: string[] = [],
  auth = path("auth"),
) {
  writeFileSync(path("source/Containerfile"), containerfile);
  const values: Record<string, string> = {
    ...Object.fromEntries(
      spec.params.map((param: Record<string, string>) => [`params.${param.name}`, param.default]),
    ),
    ...Object.fromEntries(Object.entries(params).map(([name, value]) => [`params.${name}`, value])),
    "params.PLAIN_HTTP_REGISTRIES": address,
    "workspaces.source.path": path("source"),
    "workspaces.registry-auth.path": auth,
    "results.image-digest.path": path("image-digest"),
    "results.image.path": path("image"),
  };
  const given = step.env.map(({ name, value }: Record<string, string>) => [
    name,
    value?.replace(/\$\(([^)]*)\)/g, (_, variable: string) => values[variable] ?? ""),
  ]);
  const env = { ...Object.fromEntries(given), HOME: path("home"), STORAGE_DIRECTORY: path("storage") };
  const { PATH } = debianEnvironment();
  for (const result of ["image", "image-digest"]) rmSync(path(result), { force: true });
  const done = spawnSync("bash", ["-c", step.script, "script", ...args], {
    encoding: "utf8",
    env: { PATH, ...env },
  });
  const result = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), "utf8") : "");
  return { ...done, image: result("image"), digest: result("image-digest") };
}

async function ask(what: string, accept = "application/vnd.oci.image.manifest.v1+json") {
  const answer = await fetch(`http://${address}/v2/modelcar/${what}`, {
    headers: { Accept: accept, Authorization: `Basic ${login}` },
  });
  expect(answer.status).toBe(200);
  return answer;
}

// biome-ignore lint/suspicious/noExplicitAny: manifests and configurations of images
const json = async (answer: Response): Promise<any> => answer.json();

const base =
  'FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/mkdir\nRUN echo "$GREETING" > /greeting\nUSER 1001\n';

test("an image is built, pushed with a login, and found under the digest of the result; another build has the same digest", async () => {
  const containerfile = base.replace("COPY", "ARG GREETING\nCOPY");
  const params = { OCI_IMAGE: `${address}/modelcar/runtime:1.0` };
  const first = build(containerfile, params, ["GREETING=two words"]);
  expect(first.stderr).not.toContain("error:");
  expect(first.image).toBe(`${address}/modelcar/runtime@${first.digest}`);
  const manifest = await json(await ask(`runtime/manifests/${first.digest}`));
  const config = await json(await ask(`runtime/blobs/${manifest.config.digest}`, "*/*"));
  expect(config).toMatchObject({ created: "1970-01-01T00:00:00Z", config: { User: "1001" } });
  rmSync(path("storage"), { recursive: true });
  expect(build(containerfile, params, ["GREETING=two words"]).digest).toBe(first.digest);
  expect(build(containerfile, params, ["GREETING=another"]).digest).not.toBe(first.digest);
});

test("a second stage contains only what it copies from the first, whose base is pulled", async () => {
  const stage = { OCI_IMAGE: `${address}/modelcar/base:1.0` };
  expect(build(base, stage).status).toBe(0);
  rmSync(path("storage"), { recursive: true });
  const containerfile = `ARG BASE_IMAGE
FROM \${BASE_IMAGE} AS pull
USER 0
RUN mkdir /models && echo '{}' > /models/config.json
FROM scratch
COPY --from=pull /models /models
`;
  const params = { OCI_IMAGE: `${address}/modelcar/granite:1.0` };
  const { status, digest } = build(containerfile, params, [`BASE_IMAGE=${address}/modelcar/base:1.0`]);
  expect(status).toBe(0);
  const { layers } = await json(await ask(`granite/manifests/${digest}`));
  expect(layers).toHaveLength(1);
  const layer = Buffer.from(await (await ask(`granite/blobs/${layers[0].digest}`, "*/*")).arrayBuffer());
  const files = spawnSync("tar", ["--list", "--gzip"], { input: layer, encoding: "utf8" }).stdout;
  expect(files.split("\n").filter(Boolean)).toEqual(["models/", "models/config.json"]);
});

test("a failed step and a refused login end the Task with an error and no result", () => {
  const params = { OCI_IMAGE: `${address}/modelcar/broken:1.0` };
  const broken = build(`${base}RUN exit 3\n`, params);
  expect([broken.status, broken.digest]).toEqual([1, ""]);
  expect(broken.stderr).toContain("error: the build failed");
  const stranger = build(base, params, [], "");
  expect([stranger.status, stranger.digest]).toEqual([1, ""]);
  expect(stranger.stderr).toContain("cannot be pushed; its login is the workspace registry-auth");
});
