/** Alerts and dashboards for a config, and their objects. */
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, expect, test } from "vitest";
import type { Config } from "../../config/config.ts";
import { monitoringOf } from "../../plan/monitoring.ts";
import { consoleDashboard } from "./dashboard.ts";
import { grafanaDashboard } from "./grafana.ts";
import { Monitoring } from "./monitoring.ts";

type Declared = Pick<Config, "namespace" | "models" | "monitoring">;
const said = { kvCacheUsage: 0.95, preemptionsPerRequest: 0.1, notReadyMinutes: 15 };
const none: Declared["monitoring"] = {
  serviceMonitor: false,
  alerts: false,
  thresholds: said,
  labels: {},
  dashboard: "none",
  grafanaLabels: { dashboards: "grafana" },
};
const gate = { ttftMsP95: 500, itlMsP95: 50, errorRate: 0.01 };
const models = [
  { name: "plain", serve: { mode: "kserve", stopped: false } },
  { name: "gated", serve: { mode: "deployment", stopped: false }, test: { benchmark: { gate } } },
  { name: "scaled", serve: { mode: "kserve", stopped: false, autoscaling: { target: 7 } } },
  { name: "stopped", serve: { mode: "kserve", stopped: true } },
] as unknown as Declared["models"];
const declared = (monitoring: Partial<Declared["monitoring"]>): Declared => ({
  namespace: "ai",
  models,
  monitoring: { ...none, ...monitoring },
});

// biome-ignore lint/suspicious/noExplicitAny: inputs of any resource
let made: { readonly type: string; readonly name: string; readonly inputs: any }[];

beforeEach(async () => {
  made = [];
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      if (!type.startsWith("modelcar:")) made.push({ type, name, inputs });
      return { id: `${name}-id`, state: inputs };
    },
    call: ({ inputs }) => inputs,
  });
});

async function make(monitoring: Partial<Declared["monitoring"]>) {
  const args = monitoringOf(declared(monitoring));
  if (args) new Monitoring("monitoring", args);
  await pulumi.runtime.disconnect();
  return made;
}

test("nothing is declared if nothing is configured", async () => {
  expect(monitoringOf(declared({}))).toBeUndefined();
  expect(await make({ serviceMonitor: true })).toEqual([]);
});

test("each served model has its alerts, on the Deployment that serves it", async () => {
  const rules = await make({ alerts: true, labels: { release: "prometheus" } });
  expect(rules.map(({ name, inputs }) => [name, inputs.kind, inputs.metadata.namespace])).toEqual(
    ["plain", "gated", "scaled"].map((name) => [`${name}-alerts`, "PrometheusRule", "ai"]),
  );
  const deployments = rules.map(
    ({ inputs }) => /deployment="([^"]+)"/.exec(JSON.stringify(inputs).replaceAll("\\", ""))?.[1],
  );
  expect(deployments).toEqual(["plain-predictor", "gated", "scaled-predictor"]);
  for (const { inputs } of rules) expect(inputs.metadata.labels).toMatchObject({ release: "prometheus" });
});

test.each([
  ["plain", {}, { queuedRequests: 10, ttftMsP95: 2000, itlMsP95: 100, errorRate: 0.05, ...said }],
  ["gated", {}, { queuedRequests: 10, ...gate, ...said }],
  ["scaled", {}, { queuedRequests: 14, ttftMsP95: 2000, itlMsP95: 100, errorRate: 0.05, ...said }],
  [
    "gated",
    { queuedRequests: 3, ttftMsP95: 900, itlMsP95: 90, errorRate: 0 },
    { queuedRequests: 3, ttftMsP95: 900, itlMsP95: 90, errorRate: 0, ...said },
  ],
])("thresholds of model %s with config %j", (name, thresholds, expected) => {
  const args = monitoringOf(declared({ alerts: true, thresholds: { ...said, ...thresholds } }));
  expect(args?.models.find((model) => model.name === name)?.thresholds).toEqual(expected);
});

test.each([
  ["configMap", {}, "ai", "ConfigMap"],
  ["configMap", { dashboardNamespace: "grafana" }, "grafana", "ConfigMap"],
  ["grafanaOperator", { dashboardNamespace: "grafana" }, "grafana", "GrafanaDashboard"],
  ["openshiftConsole", {}, "openshift-config-managed", "ConfigMap"],
] as const)("dashboard: %s with %j is in namespace %s", async (dashboard, more, namespace, kind) => {
  const [object, ...others] = await make({ dashboard, ...more });
  expect(others).toEqual([]);
  expect(object?.name).toBe("monitoring-dashboard");
  expect(object?.type.split(":").at(-1)).toBe(kind);
  expect(object?.inputs.metadata.namespace).toBe(namespace);
  const json = object?.inputs.spec?.json ?? object?.inputs.data["models-of-ai.json"];
  const expected = dashboard === "openshiftConsole" ? consoleDashboard("ai") : grafanaDashboard("ai");
  expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(expected)));
  if (kind === "GrafanaDashboard") {
    expect(object?.inputs.spec.instanceSelector).toEqual({ matchLabels: { dashboards: "grafana" } });
  }
});
