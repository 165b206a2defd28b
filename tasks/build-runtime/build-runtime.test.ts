/** The Task's permissions, and its script with a stand-in for Buildah; test/engine/build-runtime.test.ts uses the real one. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";

const { spec } = parse(readFileSync("tasks/build-runtime/task.yaml", "utf8"));
const [step] = spec.steps;

test("the step has the two capabilities that newuidmap and newgidmap need, and adds none", () => {
  const { securityContext: given } = step;
  expect(given).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, allowPrivilegeEscalation: true });
  expect(given).not.toHaveProperty("privileged");
  expect(given.capabilities).not.toHaveProperty("add");
  // The default capabilities of containerd and CRI-O.
  const usual = [
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID",
    "SYS_CHROOT",
  ].flatMap((names) => names.split(" "));
  expect(usual.filter((name) => !given.capabilities.drop.includes(name))).toEqual(["SETGID", "SETUID"]);
});

test("params reach the script only through its environment and its arguments", () => {
  // No command substitution of the shell either: Kubernetes would look for a variable of such a name.
  expect(step.script).not.toContain("$(");
  expect(step.args).toEqual(["$(params.BUILD_ARGS[*])"]);
  const values = step.env.map(({ value }: { value: string }) => value);
  const texts = spec.params.filter(({ type }: { type: string }) => type === "string");
  for (const { name } of texts) expect(values).toContain(`$(params.${name})`);
});

test("Buildah writes only to volumes, because the root filesystem is read-only", () => {
  expect(step.securityContext.readOnlyRootFilesystem).toBe(true);
  const mounted = step.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath);
  expect(mounted).toEqual(["/tmp", "/var/tmp", "/var/run/modelcar/storage"]);
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "modelcar-build-"));
  for (const name of ["bin", "source/context", "storage"]) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "source/Containerfile"), "FROM scratch\n");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A stand-in for Buildah that records its calls, and fails at the subcommand `fails`. */
function standIn(fails = "none"): void {
  const file = join(folder, "bin/buildah");
  writeFileSync(
    file,
    `#!/bin/bash
printf '%s\\n' "$@" "auth=$REGISTRY_AUTH_FILE" "authorities=$SSL_CERT_DIR" -- >> ${folder}/calls
cat "$CONTAINERS_REGISTRIES_CONF" > ${folder}/registries
for word in "$@"; do
  if [[ $word == ${fails} ]]; then exit 7; fi
  if [[ $before == --digestfile ]]; then echo -n sha256:abc > "$word"; fi
  before=$word
done
`,
  );
  chmodSync(file, 0o755);
}

function build(changes: Record<string, string> = {}, ...args: string[]) {
  if (!existsSync(join(folder, "bin/buildah"))) standIn();
  const done = spawnSync("bash", ["-c", step.script, "script", ...args], {
    encoding: "utf8",
    env: {
      PATH: `${folder}/bin:/usr/bin:/bin`,
      OCI_IMAGE: "quay.io/example/runtime:1.0",
      CONTAINERFILE: "Containerfile",
      CONTEXT_DIRECTORY: ".",
      STORAGE_DRIVER_NAME: "vfs",
      PLAIN_HTTP_REGISTRIES: "",
      SOURCE_DIRECTORY: `${folder}/source`,
      KEPT_STORAGE_DIRECTORY: "",
      STORAGE_DIRECTORY: `${folder}/storage`,
      REGISTRY_AUTH_DIRECTORY: "",
      TRUSTED_CA_DIRECTORY: "",
      RESULT_IMAGE_DIGEST: `${folder}/image-digest`,
      RESULT_IMAGE: `${folder}/image`,
      HOME: folder,
      ...changes,
    },
  });
  const read = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "";
  const calls = read("calls").split("--\n").filter(Boolean);
  return {
    ...done,
    calls,
    registries: read("registries"),
    result: read("image"),
    digest: read("image-digest"),
  };
}

test("an image is built in a chroot and pushed, and its digest is a result", () => {
  const { status, calls, result, digest } = build({}, "VERSION=0.11", "TITLE=two words");
  expect(status).toBe(0);
  const [built, pushed] = calls.map((call) => call.split("\n"));
  expect(built).toEqual(expect.arrayContaining(["build", "--isolation", "chroot", "--layers=false"]));
  expect(built).toEqual(expect.arrayContaining(["VERSION=0.11", "TITLE=two words", `${folder}/source/.`]));
  expect(built).toEqual(expect.arrayContaining(["--root", `${folder}/storage/root`]));
  expect(pushed).toEqual(expect.arrayContaining(["push", "docker://quay.io/example/runtime:1.0"]));
  expect([result, digest]).toEqual(["quay.io/example/runtime@sha256:abc", "sha256:abc"]);
});

test("a volume for storage keeps layers for later builds", () => {
  const { calls } = build({ KEPT_STORAGE_DIRECTORY: `${folder}/kept`, STORAGE_DRIVER_NAME: "overlay" });
  expect(calls[0]?.split("\n")).toEqual(expect.arrayContaining([`${folder}/kept/root`, "--layers=true"]));
});

test("Buildah gets the login, the authorities and the registries without TLS", () => {
  writeFileSync(join(folder, ".dockerconfigjson"), "{}");
  const { calls, registries } = build({
    REGISTRY_AUTH_DIRECTORY: folder,
    TRUSTED_CA_DIRECTORY: "/ca",
    PLAIN_HTTP_REGISTRIES: "registry.test:5000 other.test",
  });
  expect(calls[1]).toContain(`auth=${folder}/.dockerconfigjson\nauthorities=/ca\n`);
  expect(registries.match(/^location = .*$/gm)).toEqual([
    'location = "registry.test:5000"',
    'location = "other.test"',
  ]);
});

test.each([
  [{ OCI_IMAGE: "quay.io/example/runtime" }, "OCI_IMAGE must be <registry>/<repository>:<tag>"],
  [{ OCI_IMAGE: "quay.io/Example/runtime:1" }, "OCI_IMAGE must be"],
  [{ STORAGE_DRIVER_NAME: "btrfs" }, "STORAGE_DRIVER must be vfs or overlay, not 'btrfs'"],
  [{ CONTAINERFILE: "Dockerfile" }, "CONTAINERFILE Dockerfile is not on the workspace"],
  [{ CONTAINERFILE: "../secret" }, "../secret lies outside of the workspace"],
  [{ CONTEXT_DIRECTORY: "/etc/../.." }, "/etc/../.. lies outside of the workspace"],
  [{ CONTEXT_DIRECTORY: "nothing" }, "CONTEXT_DIRECTORY nothing is not on the workspace"],
])("%j is refused before anything is built", (changes, message) => {
  const { status, stderr, calls } = build(changes);
  expect([status, calls]).toEqual([1, []]);
  expect(stderr).toContain(message);
});

test("an argument without a name is refused", () => {
  const { stderr, calls } = build({}, "--privileged");
  expect(stderr).toBe("error: BUILD_ARGS must be <name>=<value>, not '--privileged'\n");
  expect(calls).toEqual([]);
});

test("a failure is reported, and there is no result", () => {
  standIn("build");
  const built = build();
  expect([built.status, built.digest]).toEqual([1, ""]);
  expect(built.stderr).toContain("error: the build failed");
  standIn("push");
  const pushed = build();
  expect([pushed.status, pushed.digest]).toEqual([1, ""]);
  expect(pushed.stderr).toContain("quay.io/example/runtime:1.0 cannot be pushed");
});
