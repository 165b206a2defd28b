import { expect, test } from "vitest";
import {
  databaseIngress,
  databaseServer,
  databaseService,
  modelRegistry,
  registryIngress,
  registryUser,
  server,
  service,
} from "./manifests.ts";

const registry = { name: "private-ai-model-registry", namespace: "rhoai-model-registries" };
const spec = {
  ...registry,
  platform: "kubernetes",
  image: "image@sha256:1",
  databaseSecret: "db-1",
} as const;

/** Expects a label selector to select these labels. */
const selects = (matchLabels: object | undefined, labels: object) =>
  expect(labels).toEqual(expect.objectContaining({ ...matchLabels }));

test("the account of the project gets the operator's Role, in the registry's namespace", () => {
  const binding = registryUser(registry, "modelcar-register-model", "ai");
  expect(binding).toMatchObject({
    metadata: { namespace: "rhoai-model-registries" },
    roleRef: { kind: "Role", name: "registry-user-private-ai-model-registry" },
    subjects: [{ kind: "ServiceAccount", name: "modelcar-register-model", namespace: "ai" }],
  });
});

test("OpenShift's routers and dashboard can still reach the registry", () => {
  const peers = (platform: "openshift" | "kubernetes") =>
    registryIngress(registry, "serviceAccount", platform, "ai").spec.ingress?.[0]?.from;
  const ours = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "ai" } } };
  expect(peers("kubernetes")).toEqual([ours]);
  expect(peers("openshift")).toContainEqual(ours);
  expect(peers("openshift")).toContainEqual({
    namespaceSelector: { matchLabels: { "opendatahub.io/generated-namespace": "true" } },
  });
});

test("the open port is the one that the registry listens on", () => {
  const port = (auth: "none" | "serviceAccount") =>
    registryIngress(registry, auth, "openshift", "ai").spec.ingress?.[0]?.ports?.[0]?.port;
  expect(port("none")).toBe(8080);
  expect(port("serviceAccount")).toBe(8443);
});

test("Services and policies select the right pods", () => {
  const restLabels = server(spec).spec.template.metadata.labels;
  const databaseLabels = databaseServer(spec).spec.template.metadata.labels;
  selects(service(registry).spec.selector, restLabels);
  selects(registryIngress(registry, "none", "kubernetes", "ai").spec.podSelector.matchLabels, restLabels);
  selects(databaseService(registry).spec.selector, databaseLabels);
  const { podSelector, ingress } = databaseIngress(registry).spec;
  selects(podSelector.matchLabels, databaseLabels);
  const [peer] = ingress?.[0]?.from ?? [];
  selects(peer && "podSelector" in peer ? peer.podSelector?.matchLabels : { none: "" }, restLabels);
  expect(databaseLabels).not.toMatchObject(restLabels);
});

test("server and operator reach the database under its Service's name, with the password of its Secret", () => {
  const host = "private-ai-model-registry-db.rhoai-model-registries.svc.cluster.local";
  const { mysql } = modelRegistry(registry, "db-1").spec;
  expect(mysql.host).toBe(host);
  expect(databaseService(registry).metadata.name).toBe(host.split(".")[0]);
  const [container] = databaseServer(spec).spec.template.spec.containers;
  expect(container?.env).toContainEqual({ name: "MYSQL_USER", value: mysql.username });
  expect(container?.env).toContainEqual({ name: "MYSQL_DATABASE", value: mysql.database });
  const { name, key } = mysql.passwordSecret;
  const [rest] = server(spec).spec.template.spec.containers;
  for (const env of [container?.env, rest?.env]) {
    expect(env).toContainEqual({ name: key, valueFrom: { secretKeyRef: { name, key } } });
  }
});

test("the password is not an argument of a process", () => {
  for (const { containers } of [server(spec).spec.template.spec, databaseServer(spec).spec.template.spec]) {
    for (const container of containers)
      expect(JSON.stringify("args" in container && container.args)).not.toContain("PASSWORD");
  }
});

test("another Secret changes the pod template", () => {
  for (const build of [server, databaseServer]) {
    const template = (databaseSecret: string) => build({ ...spec, databaseSecret }).spec.template;
    expect(template("db-2")).not.toEqual(template("db-1"));
  }
});
