/**
 * Connectivity on a real cluster whose node enforces network policies: a pod for each job of the table tries every destination,
 * before and after the program's policies are applied.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectPolicies } from "../../components/access/network-policies.ts";
import { registryIngress } from "../../components/model-registry/manifests.ts";
import { networkPolicy as storePolicy } from "../../components/object-store/manifests.ts";
import { namespace as projectNamespace } from "../../components/project/manifests.ts";
import { modelLabels } from "../../components/serving/vllm.ts";
import { imageReference } from "../../local/images/node-store.ts";
import { waitUntil } from "../../local/run.ts";
import { type Destination, knownTasks, taskJob } from "../../pipelines/jobs.ts";
import { type Network, servedModel } from "../../plan/network.ts";
import { restrictedContainer, restrictedPod } from "../../rules/security.ts";
import { apply } from "./fault-rows.ts";
import { kubectl, list } from "./platform.ts";

const id = randomBytes(3).toString("hex");
const project = `network-${id}`;
const store = `network-store-${id}`;
const registries = `network-registries-${id}`;
const friends = `network-friends-${id}`;
const strangers = `network-strangers-${id}`;

const models = [
  servedModel({ name: "fetched", fetchesFrom: "objectStore", tokenAuth: false }),
  servedModel({ name: "mounted", tokenAuth: false }),
];
const network: Network = {
  platform: "kubernetes",
  urls: {
    hub: "http://hub.hugging-face.svc.cluster.local:8080",
    // Its pods listen on another port than its Service, as NooBaa's do.
    objectStore: `https://store.${store}.svc.cluster.local:443`,
    modelRegistry: `http://registry.${registries}.svc.cluster.local:8080`,
  },
  imageRegistries: ["registry.oci-registry.svc.cluster.local:5000"],
  callers: [friends],
  defaultDeny: true,
};

/** The Service of each destination, with its namespace. Those of models and object store have other ports than their pods. */
const services: Record<Destination, readonly [namespace: string, service: string, port: number]> = {
  hub: ["hugging-face", "hub", 8080],
  objectStore: [store, "store", 443],
  modelRegistry: [registries, "registry", 8080],
  imageRegistry: ["oci-registry", "registry", 5000],
  models: [project, "mounted", 80],
  kubernetesApi: ["default", "kubernetes", 443],
};
const destinations = Object.keys(services) as Destination[];

interface PodArgs {
  readonly labels?: Record<string, string>;
  /** The port to listen on. Default: the pod only sleeps. */
  readonly port?: number;
  /** Names that it resolves without DNS. */
  readonly hostAliases?: readonly { ip: string; hostnames: readonly string[] }[];
}

function pod(namespace: string, name: string, { labels = {}, port, hostAliases = [] }: PodArgs = {}) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      securityContext: restrictedPod("kubernetes"),
      hostAliases,
      containers: [
        {
          name: "python",
          image: imageReference("tasks"),
          command: port ? ["python3", "-m", "http.server", String(port)] : ["sleep", "86400"],
          workingDir: "/tmp",
          resources: { requests: { cpu: "5m", memory: "16Mi" }, limits: { memory: "64Mi" } },
          securityContext: restrictedContainer,
          // The kubelet's own requests come from the node.
          ...(port ? { readinessProbe: { httpGet: { path: "/", port }, periodSeconds: 1 } } : {}),
        },
      ],
    },
  };
}

const service = (namespace: string, name: string, selector: object, port: number, targetPort = port) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: { selector, ports: [{ port, targetPort }] },
});
const policy = (manifest: object) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  ...manifest,
});
const all = (items: readonly object[]) => apply({ apiVersion: "v1", kind: "List", items });

/** Prints for each host:port whether a connection succeeds. */
const attempts = `
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def connects(target):
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=4).close()
        return True
    except OSError:
        return False
with ThreadPoolExecutor(16) as pool:
    print(json.dumps(list(pool.map(connects, sys.argv[1:]))))
`;

async function connects(namespace: string, from: string, targets: readonly string[]): Promise<boolean[]> {
  return JSON.parse(
    await kubectl("exec", "-n", namespace, from, "--", "python3", "-c", attempts, ...targets),
  );
}

/** Address and port of each destination's Service, and of a pod behind it. */
const addresses = {} as Record<Destination, readonly [service: string, pod: string]>;

/**
 * The destinations that a pod reaches. A destination that it reaches only by Service or only by pod is an error, after a second
 * try, because kube-router may be rewriting its rules.
 */
async function reached(namespace: string, from: string): Promise<Destination[]> {
  const ask = () =>
    connects(
      namespace,
      from,
      destinations.flatMap((name) => addresses[name]),
    );
  const differs = (found: boolean[]) =>
    destinations.find((_, index) => found[2 * index] !== found[2 * index + 1]);
  let found = await ask();
  if (differs(found)) {
    await new Promise((resolve) => setTimeout(resolve, 5000));
    found = await ask();
  }
  const oneWay = differs(found);
  if (oneWay) throw new Error(`${from} reaches ${oneWay} only by Service or only by pod: ${found}`);
  return destinations.filter((_, index) => found[2 * index]);
}

const name = (destination: Destination) => {
  const [namespace, service, port] = services[destination];
  return `${service}.${namespace}.svc.cluster.local:${port}`;
};

const namespaces = [project, store, registries, friends, strangers];

beforeAll(async () => {
  await all(
    namespaces.map((space) => ({
      apiVersion: "v1",
      kind: "Namespace",
      ...projectNamespace(space, "restricted"),
    })),
  );
  const registryLabels = {
    app: "registry",
    component: "model-registry",
    "app.kubernetes.io/name": "registry",
  };
  await all([
    pod(store, "store", { labels: { app: "store" }, port: 9000 }),
    service(store, "store", { app: "store" }, 443, 9000),
    pod(registries, "registry", { labels: registryLabels, port: 8080 }),
    service(registries, "registry", registryLabels, 8080),
    ...models.flatMap((model) => [
      pod(project, model.name, { labels: modelLabels(model.name), port: 8080 }),
      service(project, model.name, modelLabels(model.name), 80, 8080),
    ]),
    ...[project, friends, strangers].map((space) => pod(space, "somebody")),
  ]);
  for (const destination of destinations) {
    const [namespace, service] = services[destination];
    const behind = await waitUntil(
      `a pod behind ${service}`,
      async () => {
        const selector = `kubernetes.io/service-name=${service}`;
        const [slice] = await list("endpointslices", "-n", namespace, "-l", selector);
        const [endpoint] = slice?.endpoints ?? [];
        return endpoint && `${endpoint.addresses[0]}:${slice.ports[0].port}`;
      },
      { seconds: 300, everyMs: 1000 },
    );
    const address = await kubectl(
      "get",
      "service",
      service,
      "-n",
      namespace,
      "-o",
      "jsonpath={.spec.clusterIP}",
    );
    addresses[destination] = [`${address}:${services[destination][2]}`, behind];
  }
  const [host = ""] = name("models").split(":");
  const [ip = ""] = addresses.models[0].split(":");
  await all(
    knownTasks.map((task) =>
      pod(project, task, { labels: { "tekton.dev/task": task }, hostAliases: [{ ip, hostnames: [host] }] }),
    ),
  );
  for (const space of namespaces) {
    await kubectl("wait", "pods", "--all", "-n", space, "--for=condition=Ready", "--timeout=600s");
  }
});

afterAll(async () => {
  await kubectl("delete", "namespace", ...namespaces, "--wait=false");
});

it("without policies every pod reaches everything", async () => {
  expect(await reached(project, "run-lm-eval-v2")).toEqual(destinations);
  expect(await reached(strangers, "somebody")).toEqual(destinations);
});

describe("with the program's policies", () => {
  beforeAll(async () => {
    const registry = { name: "registry", namespace: registries };
    const policies = [
      ...projectPolicies(project, network, knownTasks, models),
      storePolicy(store, [project], false),
      registryIngress(registry, "none", "kubernetes", project),
    ];
    await all(policies.map(policy));
    // The rules follow the objects with a delay.
    await waitUntil(
      "the policies to be enforced",
      async () => (await reached(strangers, "somebody").catch(() => [])).length === 3 || undefined,
      { seconds: 300, everyMs: 1000 },
    );
  });

  it.each(knownTasks)(
    "%s reaches what its row says, by Service and by pod, and nothing else",
    async (task) => {
      const { reaches } = taskJob(task);
      expect(await reached(project, task)).toEqual(destinations.filter((other) => reaches.includes(other)));
    },
  );

  it.each(knownTasks)("%s resolves names if its row permits it", async (task) => {
    const { reaches, resolvesNames = reaches.length > 0 } = taskJob(task);
    const byName = reaches.filter((destination) => destination !== "models").map(name);
    const hub = "hub.hugging-face.svc.cluster.local";
    const resolves = `import socket\ntry:\n  print(socket.gethostbyname("${hub}"))\nexcept OSError:\n  print("no")`;
    const answer = await kubectl("exec", "-n", project, task, "--", "python3", "-c", resolves);
    expect(answer.trim() !== "no").toBe(resolvesNames);
    expect(await connects(project, task, byName)).toEqual(byName.map(() => true));
  });

  it("evaluation reaches its model by a host alias, but not the model's other ports", async () => {
    const [host = ""] = addresses.models[1].split(":");
    expect(await connects(project, "run-lm-eval-v2", [name("models"), `${host}:22`])).toEqual([true, false]);
  });

  it("a model reaches the store that it is fetched from, and no other model", async () => {
    expect(await reached(project, "fetched")).toEqual(["objectStore"]);
    // A pod always reaches its own address.
    const others = destinations.filter((destination) => destination !== "models");
    const found = await connects(
      project,
      "mounted",
      others.flatMap((name) => addresses[name]),
    );
    expect(found).not.toContain(true);
  });

  it("pods of no job reach nothing and are unreachable", async () => {
    expect(await reached(project, "somebody")).toEqual([]);
  });

  it("models answer the namespaces that config names, and no others", async () => {
    expect(await reached(friends, "somebody")).toContain("models");
    expect(await reached(strangers, "somebody")).not.toContain("models");
  });

  it("object store and registry answer no other namespace", async () => {
    const found = await reached(strangers, "somebody");
    expect(found).not.toContain("objectStore");
    expect(found).not.toContain("modelRegistry");
  });

  it("the API server's proxy, which Readiness asks through, and the kubelet's probes still come in", async () => {
    const path = `/api/v1/namespaces/${project}/services/mounted:80/proxy/`;
    expect(await kubectl("get", "--raw", path)).toMatch(/Directory listing/);
    const [mounted] = await list("pods", "-n", project, "--field-selector=metadata.name=mounted");
    const ready = mounted.status.conditions.find(({ type }: { type: string }) => type === "Ready");
    expect(ready.status).toBe("True");
  });
});
