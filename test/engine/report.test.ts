/** npm run report against a real MinIO, with a stand-in for the API server. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AwsClient } from "aws4fetch";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { stackFileOf } from "../../scripts/pipelines/test-stack.ts";
import { TestWorld } from "../../scripts/report/test-world.ts";
import { freePort } from "./control-plane.ts";
import { tool } from "./tools.ts";

const region = "eu-test-1";
const login = { accessKeyId: "tester", secretAccessKey: "a secret+of/tests=" };
const work = mkdtempSync(join(tmpdir(), "modelcar-report-"));

let minio: ChildProcess;
let port: number;
let world: TestWorld;

beforeAll(async () => {
  port = await freePort();
  const address = ["--address", `127.0.0.1:${port}`, "--console-address", `127.0.0.1:${await freePort()}`];
  minio = spawn(
    tool("minio"),
    ["server", join(work, "data"), ...address, "--config-dir", join(work, "config")],
    {
      stdio: "ignore",
      env: {
        ...process.env,
        HOME: work,
        MINIO_ROOT_USER: login.accessKeyId,
        MINIO_ROOT_PASSWORD: login.secretAccessKey,
        MINIO_SITE_REGION: region,
        MINIO_BROWSER: "off",
        MINIO_UPDATE: "off",
      },
    },
  );
  const end = Date.now() + 60_000;
  const ready = () => fetch(`http://127.0.0.1:${port}/minio/health/ready`).catch(() => undefined);
  while (!(await ready())?.ok) {
    if (Date.now() > end) throw new Error("MinIO did not become ready");
    await sleep(100);
  }
  await put("");
});
afterAll(async () => {
  const ended = new Promise((resolve) => minio.once("exit", resolve));
  minio.kill("SIGKILL");
  await ended;
  rmSync(work, { recursive: true });
});
beforeEach(async () => {
  world = await TestWorld.start(port, login);
});
afterEach(() => world.api.stop());

/** Puts an object, or makes the bucket. */
async function put(key: string, body = ""): Promise<void> {
  const client = new AwsClient({ ...login, service: "s3", region });
  const answer = await client.fetch(`http://127.0.0.1:${port}/llm-models${key && `/${key}`}`, {
    method: "PUT",
    body,
  });
  if (!answer.ok) throw new Error(`${key}: ${answer.status} ${await answer.text()}`);
}

const stack = (objectStore: object = {}) =>
  stackFileOf("local", (config) => {
    Object.assign(config.objectStore, { region }, objectStore);
    config.models = [config.models[0]];
  });

test("an empty bucket, then one with more than a page of objects: the newest report arrives complete", async () => {
  expect(await world.run([], stack())).toBe(1);
  expect(world.problems).toEqual([
    expect.stringContaining("there is no report in s3://llm-models/reports/ yet"),
  ]);
  // A report of a real size, with every kind of byte sequence that UTF-8 has.
  const page = `<p>é ≥ 🚀</p>${"x".repeat(3 << 20)}`;
  for (const file of ["comparison.json", "report.md"]) await put(`reports/zeta/run-1/${file}`, "{}");
  await put("reports/zeta/run-1/report.html", "older");
  for (let first = 0; first < 1050; first += 50) {
    const names = Array.from(
      { length: 50 },
      (_, index) => `reports/alpha/run-1/chart ${first + index}+&.svg`,
    );
    await Promise.all(
      names.map((name) => put(name.replaceAll(" ", "%20").replaceAll("+", "%2B").replaceAll("&", "%26"))),
    );
  }
  // MinIO's times have milliseconds.
  await sleep(20);
  await put("reports/zeta/run-2/comparison.json", "{}");
  await put("reports/zeta/run-2/report.html", page);
  expect(await world.run(["--directory", work], stack())).toBe(0);
  expect(readFileSync(join(work, "zeta-run-2.html"), "utf8")).toBe(page);
  expect(world.out[0]).toContain("place:    s3://llm-models/reports/zeta/run-2/report.html");
  expect(await world.run(["alpha"], stack())).toBe(1);
  expect(world.problems.at(-1)).toContain(
    "no report of alpha in s3://llm-models/reports/; there are reports of zeta",
  );
});

test.each([
  [
    "an unknown login",
    { accessKeyId: "nobody" },
    {},
    "does not know the credentials in Secret private-ai-demo/minio-credentials",
  ],
  [
    "a wrong login",
    { secretAccessKey: "x" },
    {},
    "rejects the credentials in Secret private-ai-demo/minio-credentials",
  ],
  ["another bucket", {}, { bucket: "another" }, "modelcar:objectStore.bucket is another: npm start makes it"],
  ["another region", {}, { region: "us-east-1" }, "set modelcar:objectStore.region, which is us-east-1"],
])("MinIO refuses %s, and the error says what to do", async (_, other, store, words) => {
  world.login({ ...login, ...other });
  expect(await world.run([], stack(store))).toBe(1);
  expect(world.problems).toEqual([expect.stringContaining(words)]);
  expect(world.problems[0]).not.toContain(login.secretAccessKey);
});
