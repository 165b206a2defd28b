import { expect, test } from "vitest";
import {
  bucketJob,
  consoleRoute,
  deployment,
  minioSecrets,
  networkPolicy,
  rootKeys,
  service,
  userKeys,
} from "./manifests.ts";

const spec = {
  platform: "kubernetes",
  namespace: "model-storage",
  image: "minio@sha256:1",
  region: "eu-1",
  console: true,
  rootFingerprint: "1",
} as const;
const jobSpec = {
  platform: "kubernetes",
  namespace: "model-storage",
  image: "tasks@sha256:1",
  bucket: "llm-models",
  region: "eu-1",
  script: "print()",
  usersFingerprint: "1",
} as const;
const container = (of: typeof spec | (Omit<typeof spec, "console"> & { console: boolean })) =>
  deployment(of).spec.template.spec.containers[0];

test("the console is served, and reachable through the Service and OpenShift's routers, only if enabled", () => {
  expect(container(spec)?.args).toContain("--console-address");
  expect(service("ns", true).spec.ports.map(({ port }) => port)).toEqual([9000, 9001]);
  expect(networkPolicy("ns", [], true).spec.ingress).toHaveLength(2);
  const without = { ...spec, console: false };
  expect(container(without)?.args).not.toContain("--console-address");
  expect(container(without)?.env).toContainEqual({ name: "MINIO_BROWSER", value: "off" });
  expect(service("ns", false).spec.ports.map(({ port }) => port)).toEqual([9000]);
  expect(networkPolicy("ns", [], false).spec.ingress).toHaveLength(1);
});

test("the console's Route ends TLS at the router and leads to a port that the Service has", () => {
  const { tls, to, port } = consoleRoute("ns").spec;
  expect(tls).toEqual({ termination: "edge", insecureEdgeTerminationPolicy: "Redirect" });
  const target = service("ns", true);
  expect(target.metadata.name).toBe(to.name);
  expect(target.spec.ports.map(({ name }) => name)).toContain(port.targetPort);
});

test("other administrator credentials restart MinIO", () => {
  const template = (rootFingerprint: string) => deployment({ ...spec, rootFingerprint }).spec.template;
  expect(template("1")).toEqual(template("1"));
  expect(template("2")).not.toEqual(template("1"));
});

test("other passwords, another script or bucket make another Job", () => {
  const template = (usersFingerprint: string) =>
    bucketJob({ ...jobSpec, usersFingerprint }).job.spec.template;
  expect(template("2")).not.toEqual(template("1"));
  const name = (change: object) => bucketJob({ ...jobSpec, ...change }).job.metadata.name;
  expect(new Set([{}, { script: "" }, { bucket: "other" }].map(name)).size).toBe(3);
});

test("the Job runs the script of its ConfigMap, and reads all credentials from Secrets", () => {
  const { configMap, job } = bucketJob(jobSpec);
  const { containers, volumes } = job.spec.template.spec;
  expect(volumes).toEqual([{ name: "scripts", configMap: { name: configMap.metadata.name } }]);
  expect(containers[0]?.command).toEqual(["python3", "/scripts/create_bucket.py"]);
  const read = (containers[0]?.env ?? []).flatMap((variable) =>
    "valueFrom" in variable ? [variable.valueFrom.secretKeyRef] : [],
  );
  expect(read).toEqual([
    ...rootKeys.map((key) => ({ name: minioSecrets.root, key })),
    ...userKeys.map((key) => ({ name: minioSecrets.users, key })),
  ]);
});

test("client namespaces reach only the S3 API", () => {
  const [s3] = networkPolicy("model-storage", ["ai"], true).spec.ingress ?? [];
  expect(s3?.ports).toEqual([{ protocol: "TCP", port: 9000 }]);
  expect(s3?.from).toContainEqual({
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "ai" } },
  });
});
