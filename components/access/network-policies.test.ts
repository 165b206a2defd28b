import { describe, expect, test } from "vitest";
import { type Network, servedModel } from "../../plan/network.ts";
import { destination, dnsEgress, type NetworkPolicy, openShiftRouters } from "./network-peers.ts";
import { defaultDeny, projectPolicies } from "./network-policies.ts";

const network: Network = {
  platform: "kubernetes",
  urls: {
    hub: "https://huggingface.co",
    objectStore: "http://minio.model-storage.svc.cluster.local:9000",
    modelRegistry: "http://registry.models.svc:8080",
  },
  imageRegistries: ["quay.io"],
  defaultDeny: true,
};
const models = [
  servedModel({ name: "small", fetchesFrom: "objectStore", tokenAuth: false }),
  servedModel({ name: "large", tokenAuth: true }),
];
const tasks = ["pull-model-from-huggingface", "upload-to-minio", "register-model", "run-lm-eval-v2"];
const policies = (changes: Partial<Network> = {}, of = tasks) =>
  Object.fromEntries(
    projectPolicies("ai", { ...network, ...changes }, of, models).map((policy) => [
      policy.metadata.name,
      policy,
    ]),
  );
const namespaced = (name: string) => ({
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
});
const tcp = (port: number) => ({ protocol: "TCP", port });

describe("the project's namespace", () => {
  test("has a default deny, unless others use it, too", () => {
    expect(policies()["default-deny"]).toEqual(defaultDeny("ai"));
    expect(defaultDeny("ai").spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    expect(policies({ defaultDeny: false })["default-deny"]).toBeUndefined();
  });

  test("each task has a policy without ingress", () => {
    for (const task of tasks) {
      const { spec } = policies()[task] as NetworkPolicy;
      expect(spec.podSelector).toEqual({ matchLabels: { "tekton.dev/task": task } });
      expect(spec.policyTypes).toEqual(["Ingress", "Egress"]);
      expect(spec.ingress).toBeUndefined();
    }
  });

  test("a task reaches DNS and its own destination, and nothing else", () => {
    expect(policies()["upload-to-minio"]?.spec.egress).toEqual([
      dnsEgress("kubernetes"),
      { to: [namespaced("model-storage")] },
    ]);
    expect(policies()["register-model"]?.spec.egress).toEqual([
      dnsEgress("kubernetes"),
      { to: [namespaced("models")] },
    ]);
  });

  test("a Service in the cluster is reached at its pods' ports, which may differ from its own", () => {
    const url = "https://s3.openshift-storage.svc:443";
    const urls = {
      hub: url,
      objectStore: url,
      modelRegistry: url,
    };
    const imageRegistries = ["registry.openshift-storage.svc"];
    const every = policies({ urls, imageRegistries }, [
      ...tasks,
      "build-and-push-modelcar",
      "publish-test-results-v2",
    ]);
    const rules = Object.entries(every)
      .filter(([name]) => name !== "serve-model-kubernetes-api")
      .flatMap(([, { spec }]) => spec.egress ?? [])
      .filter(({ to }) => JSON.stringify(to).includes("openshift-storage"));
    expect(rules.length).toBeGreaterThan(6);
    for (const rule of rules) expect(rule).toEqual({ to: [namespaced("openshift-storage")] });
  });

  test("a task that runs generated code reaches models, without DNS", () => {
    const { "evaluate-model": evaluation } = policies({}, ["evaluate-model"]);
    expect(evaluation?.spec.egress).toEqual([
      {
        to: [{ podSelector: { matchLabels: { "app.kubernetes.io/component": "model-server" } } }],
        ports: [tcp(8080), tcp(8443)],
      },
    ]);
  });

  test("a destination that the stack does not have is not allowed", () => {
    const { "upload-to-minio": upload } = policies({ urls: {} });
    expect(upload?.spec.egress).toEqual([dnsEgress("kubernetes")]);
  });

  test("a task without a job.yaml is an error that tells what to do", () => {
    expect(() => policies({}, ["mine-coins"])).toThrow(
      "task mine-coins has no tasks/mine-coins/job.yaml: declare there what it may reach",
    );
  });
});

describe("models", () => {
  const ingress = (changes: Partial<Network>) => policies(changes)["serve-model"]?.spec.ingress?.[0];

  test("only tasks that call models may, and the configured namespaces", () => {
    const callers = {
      podSelector: {
        matchExpressions: [
          {
            key: "tekton.dev/task",
            operator: "In",
            values: ["deploy-model", "evaluate-model", "run-guidellm", "run-guidellm-v2", "run-lm-eval-v2"],
          },
        ],
      },
    };
    expect(ingress({})?.from).toEqual([callers]);
    expect(ingress({ callers: ["chat"] })?.from).toEqual([callers, namespaced("chat")]);
    expect(ingress({})?.ports).toEqual([tcp(8080), tcp(8443)]);
  });

  test("OpenShift's routers, API servers and monitoring may; the first two are on the host's network", () => {
    const from = ingress({ platform: "openshift" })?.from;
    expect(from).toEqual(expect.arrayContaining(openShiftRouters));
    for (const group of ["ingress", "host-network"]) {
      expect(from).toContainEqual({
        namespaceSelector: { matchLabels: { [`policy-group.network.openshift.io/${group}`]: "" } },
        podSelector: {},
      });
    }
    expect(from).toContainEqual({
      namespaceSelector: { matchLabels: { "network.openshift.io/policy-group": "monitoring" } },
    });
  });

  test("elsewhere the API server's addresses may be configured, and models may be open to all", () => {
    expect(ingress({ apiServer: ["10.0.0.5/32"] })?.from).toContainEqual({
      ipBlock: { cidr: "10.0.0.5/32" },
    });
    expect(ingress({ open: true })).toEqual({ ports: [tcp(8080), tcp(8443)] });
  });

  test("a model reaches what it is fetched from, and the API server if its proxy checks tokens", () => {
    const named = (...values: string[]) => [{ key: "app.kubernetes.io/name", operator: "In", values }];
    const all = policies();
    expect(all["serve-model"]?.spec.egress).toBeUndefined();
    expect(all["serve-model-object-store"]?.spec.podSelector.matchExpressions).toEqual(named("small"));
    expect(all["serve-model-object-store"]?.spec.egress).toEqual([
      dnsEgress("kubernetes"),
      { to: [namespaced("model-storage")] },
    ]);
    expect(all["serve-model-kubernetes-api"]?.spec.podSelector.matchExpressions).toEqual(named("large"));
    expect(all["serve-model-kubernetes-api"]?.spec.egress?.[1]).toEqual({ ports: [tcp(6443)] });
    expect(Object.keys(all).filter((name) => name.startsWith("serve-model-registry"))).toEqual([]);
  });

  test("a model that oras fetches reaches its registry, not the one that images are pushed to", () => {
    const held = servedModel({ name: "held", fetchesFrom: { registry: "ghcr.io" }, tokenAuth: false });
    const own = projectPolicies("ai", { ...network, urls: {} }, [], [held]).at(-1);
    expect(own?.metadata.name).toBe("serve-model-registry-held");
    expect(own?.spec.podSelector.matchExpressions?.[0]?.values).toEqual(["held"]);
    expect(own?.spec.egress).toEqual([dnsEgress("kubernetes"), ...destination("ghcr.io")]);
  });
});
