/** What the command says when something is missing or refused, with stand-ins for the API server and S3. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stackFileOf } from "../pipelines/test-stack.ts";
import { FakeS3 } from "./fake-s3.ts";
import type { World } from "./main.ts";
import { defaultLogin, elsewhere, pods, secret, TestWorld } from "./test-world.ts";

let world: TestWorld;
let s3: FakeS3;
let saved: string;

beforeEach(async () => {
  s3 = await FakeS3.start("llm-models", defaultLogin.accessKeyId);
  world = await TestWorld.start(s3.port);
  saved = mkdtempSync(join(tmpdir(), "modelcar-report-"));
});
afterEach(async () => {
  expect([...world.out, ...world.problems].join("\n")).not.toContain(defaultLogin.secretAccessKey);
  await Promise.all([world.api.stop(), s3.stop()]);
});

const own = stackFileOf("local");
const run = (args: readonly string[], file = own, more: Partial<World> = {}) => world.run(args, file, more);
const page = (...args: string[]) => run([...args, "--directory", saved]);

test("no report yet says what makes one, and for which models", async () => {
  expect(await page()).toBe(1);
  expect(world.problems.at(-1)).toBe(
    "error: there is no report in s3://llm-models/reports/ yet: npm start makes those of sums-quantized, by pipeline model-comparison",
  );
  expect(await run([], stackFileOf("alone"))).toBe(1);
  expect(world.problems.at(-1)).toContain(
    "makes one for a model with test.base or with a gate in test, and the stack has none",
  );
  for (const key of ["reports/small/1-a/report.html", "reports/tiny/2-b/report.html"]) {
    s3.objects.set(key, { content: "", time: "2026-01-02T00:00:00.000Z" });
  }
  expect(await page("sums")).toBe(1);
  expect(world.problems.at(-1)).toContain(
    "there is no report of sums in s3://llm-models/reports/; there are reports of small, tiny",
  );
});

test("a pod of MinIO that is not ready, and none", async () => {
  world.pod("minio-1", "False");
  expect(await page()).toBe(1);
  expect(world.problems.at(-1)).toBe(
    "error: no pod behind Service minio in namespace model-storage is ready: minio-1: it is Running",
  );
  world.api.remove(`${pods}/minio-1`);
  expect(await page()).toBe(1);
  expect(world.problems.at(-1)).toContain(
    "no pod is behind Service minio in namespace model-storage: is stack local up?",
  );
});

test("a port-forward that is forbidden, and one that ends early", async () => {
  world.pod("minio-1", "False");
  world.pod("minio-2", "True");
  expect(await page()).toBe(1);
  expect(world.problems.at(-1)).toContain("ask for create on pods/portforward in namespace model-storage");
  world.api.remove(`${pods}/minio-2`);
  world.pod("minio-1", "True");
  await s3.stop();
  expect(await page()).toBe(1);
  expect(world.problems.at(-1)).toMatch(
    /^error: the object store in namespace model-storage does not answer \(/,
  );
});

test("a Secret that is missing, incomplete or unreadable", async () => {
  world.api.edit(secret, ({ data }) => delete data.AWS_SECRET_ACCESS_KEY);
  expect(await page()).toBe(1);
  expect(world.problems.at(-1)).toContain(
    "Secret private-ai-demo/minio-credentials has no AWS_SECRET_ACCESS_KEY",
  );
  world.api.remove(secret);
  expect(await page()).toBe(1);
  expect(world.problems.at(-1)).toMatch(
    /there is no Secret private-ai-demo\/minio-credentials, .* is stack local up\?/,
  );
  world.api.intercept = (_, response) => {
    response.writeHead(403).end('{"message":"forbidden by RBAC"}');
    return true;
  };
  expect(await page()).toBe(1);
  expect(world.problems.at(-1)).toMatch(
    /your user in context modelcar-local may not read Secret private-ai-demo\/minio-credentials, .*forbidden by RBAC/,
  );
});

test("an API server that does not answer", async () => {
  const cluster = world.api.cluster();
  await world.api.stop();
  expect(await run([], own, { connect: () => cluster })).toBe(1);
  expect(world.problems.at(-1)).toBe(
    `error: the API server ${cluster.config.getCurrentCluster()?.server} of context modelcar-local does not answer (ECONNREFUSED); npm start starts the embedded platform`,
  );
});

test.each([
  [
    "http://minio.store.svc.cluster.local:9000",
    /cannot be reached from here \(E\w+\): the name is only known inside the cluster/,
  ],
  ["http://127.0.0.1:1", /cannot be reached from here \(.+\): run this where it can be reached/],
])("no answer from %s: the error says what to do", async (endpoint, words) => {
  expect(await run([], elsewhere(endpoint))).toBe(1);
  expect(world.problems.at(-1)).toMatch(words);
  expect(world.problems.at(-1)).toContain(`modelcar:objectStore.endpoint ${endpoint}`);
});

test.each([
  ["AccessDenied", "they need s3:ListBucket on llm-models and s3:GetObject in it"],
  [
    "SignatureDoesNotMatch",
    "rejects the credentials in Secret private-ai-demo/minio-credentials: run npm start",
  ],
  ["RequestTimeTooSkewed", "this machine's clock is wrong"],
])("S3 refuses with %s", async (code, words) => {
  s3.refuse = { status: 403, body: `<Error><Code>${code}</Code><Message>no</Message></Error>` };
  expect(await page()).toBe(1);
  expect(world.problems.at(-1)).toContain(`GET s3://llm-models/reports/: 403 ${code} no; `);
  expect(world.problems.at(-1)).toContain(words);
});

test("a response that is not S3's is shown", async () => {
  s3.refuse = { status: 200, body: "<html>a login page</html>" };
  expect(await page()).toBe(1);
  expect(world.problems.at(-1)).toContain("the response is not S3's: <html>a login page</html>");
});

test("wrong usage shows the help, exits with 2 and makes no request", async () => {
  expect(await run(["--jsn", "--html"])).toBe(2);
  expect(world.problems.at(-1)).toMatch(
    /^error: unknown option --jsn\n +unknown option --html\n\nnpm run report -- \[MODEL\]/,
  );
  expect(world.api.requests).toEqual([]);
});
