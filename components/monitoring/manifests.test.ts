/** Every query of alerts and dashboard must match Prometheus' grammar and name metrics that are known to be exported. */
import { parser } from "@prometheus-io/lezer-promql";
import { describe, expect, test } from "vitest";
import { consoleDashboard, dashboardConfigMap } from "./dashboard.ts";
import { grafanaDashboard } from "./grafana.ts";
import { metrics, missingMetrics } from "./metrics.ts";
import { rowsOf } from "./panels.ts";
import { prometheusRule } from "./rules.ts";
import { serviceMonitor } from "./service-monitor.ts";

const thresholds = {
  queuedRequests: 10,
  kvCacheUsage: 0.95,
  preemptionsPerRequest: 0.1,
  ttftMsP95: 500,
  itlMsP95: 50,
  errorRate: 0.01,
  notReadyMinutes: 15,
};
const model = { name: "sums", namespace: "ai", deployment: "sums-predictor" };
const rule = prometheusRule(model, thresholds);
const rules = rule.spec.groups.flatMap(({ rules }) => rules);
const panels = rowsOf("ai").flatMap(({ panels }) => panels);
const shown = panels.flatMap(({ series }) => series.map(({ expr }) => expr));

const queries = [...rules.map(({ expr }) => expr), ...shown];

/** Metrics in a query, and whether it matches Prometheus' grammar; variables are replaced as Grafana would. */
function read(query: string) {
  const text = query.replaceAll("$__rate_interval", "5m").replaceAll("$model", "sums");
  const names: string[] = [];
  let valid = true;
  parser.parse(text).iterate({
    enter: ({ name, type, from, to, node }) => {
      if (type.isError) valid = false;
      if (name === "Identifier" && node.parent?.name === "VectorSelector") names.push(text.slice(from, to));
    },
  });
  return { valid, names };
}

test.each(queries)("%s is a valid query", (query) => {
  expect(read(query).valid).toBe(true);
  expect(read(`${query})`).valid).toBe(false);
  expect(read(query.replace(/\{/, "{{")).valid).toBe(false);
});

test("alerts and dashboard use exactly the listed metrics", () => {
  const used = new Set(queries.flatMap((query) => read(query).names));
  expect([...used].sort()).toEqual(Object.values(metrics).flat().sort());
});

describe("missing metrics", () => {
  const page = (names: readonly string[]) =>
    [
      "# HELP x y",
      ...names.flatMap((name) => [`# TYPE ${name} gauge`, `${name}{engine="0",model_name="sums"} 0.0`]),
    ].join("\n");

  test("none on a page that has all of them", () => {
    expect(missingMetrics(page(metrics.model))).toEqual([]);
  });

  test.each(metrics.model)("%s is missing, although a comment and a longer name contain it", (name) => {
    const others = metrics.model.filter((other) => other !== name);
    expect(missingMetrics(`${page([...others, `${name}_created`])}\n# TYPE ${name} gauge`)).toEqual([name]);
  });
});

describe("alerts", () => {
  test("each has a severity, a model, a duration, and tells what to do", () => {
    expect(rules.map(({ alert }) => alert)).toEqual([
      "ModelNotReady",
      "ModelMetricsMissing",
      "ModelQueueGrows",
      "ModelKvCacheFull",
      "ModelPreemptsRequests",
      "ModelFirstTokenSlow",
      "ModelTokensSlow",
      "ModelFails",
    ]);
    for (const { for: after, labels, annotations } of rules) {
      expect(labels).toEqual({ severity: expect.stringMatching(/^(critical|warning)$/), model_name: "sums" });
      expect(after).toMatch(/^\d+m$/);
      expect(annotations.summary).toContain("sums");
      expect(annotations.description.length).toBeGreaterThan(80);
    }
  });

  test.each([
    ["ModelNotReady", { notReadyMinutes: 33 }, /^33m$/, "for"],
    ["ModelMetricsMissing", { notReadyMinutes: 33 }, /^33m$/, "for"],
    ["ModelQueueGrows", { queuedRequests: 33 }, /> 33$/, "expr"],
    ["ModelKvCacheFull", { kvCacheUsage: 0.33 }, /> 0\.33$/, "expr"],
    ["ModelPreemptsRequests", { preemptionsPerRequest: 0.33 }, /> 0\.33$/, "expr"],
    ["ModelFirstTokenSlow", { ttftMsP95: 330 }, /> 0\.33$/, "expr"],
    ["ModelTokensSlow", { itlMsP95: 33 }, /> 0\.033$/, "expr"],
    ["ModelFails", { errorRate: 0.33 }, /> 0\.33\) and/, "expr"],
  ] as const)("%s uses its threshold", (name, changed, expected, field) => {
    const [group] = prometheusRule(model, { ...thresholds, ...changed }).spec.groups;
    expect(group?.rules.find(({ alert }) => alert === name)?.[field]).toMatch(expected);
    expect(rules.find(({ alert }) => alert === name)?.[field]).not.toMatch(expected);
  });

  test("rules and ServiceMonitors have the labels that their Prometheus selects by", () => {
    const labels = { release: "prometheus" };
    const all = { release: "prometheus", "app.kubernetes.io/name": "sums" };
    expect(prometheusRule(model, thresholds, labels).metadata.labels).toEqual(all);
    expect(serviceMonitor({ ...model, serviceLabels: {}, labels }).metadata.labels).toEqual(all);
  });
});

describe("the dashboard", () => {
  test("queries only the models of its namespace", () => {
    for (const expr of shown) expect(expr).toMatch(/namespace="ai"/);
    expect(rowsOf("other").flatMap(({ panels }) => panels.map(({ series }) => series))).not.toContain('"ai"');
  });

  test("in Grafana has every panel, with unique ids and unique names of queries", () => {
    const built = grafanaDashboard("ai");
    const drawn = built.panels?.filter(({ type }) => type !== "row") as unknown as {
      title: string;
      id: number;
      gridPos: { x: number; w: number };
      targets: { expr: string; refId: string }[];
    }[];
    expect(drawn.map(({ title }) => title)).toEqual(panels.map(({ title }) => title));
    expect(drawn.flatMap(({ targets }) => targets.map(({ expr }) => expr))).toEqual(shown);
    for (const { targets, gridPos } of drawn) {
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    }
    const ids = built.panels?.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids?.length);
    expect(built.uid?.length).toBeLessThanOrEqual(40);
    expect(grafanaDashboard("other").uid).not.toBe(built.uid);
  });

  test("in OpenShift's console uses only what the console supports", () => {
    const { rows, templating } = consoleDashboard("ai");
    const drawn = rows.flatMap(({ panels }) => panels);
    expect(drawn.map(({ title }) => title)).toEqual(panels.map(({ title }) => title));
    expect(drawn.flatMap(({ targets }) => targets.map(({ expr }) => expr))).toEqual(shown);
    for (const { type, span } of drawn) expect([type, Number.isInteger(span)]).toEqual(["graph", true]);
    // The console shows variables that are not hidden, and derives the query for their values from the text.
    expect(templating.list).toMatchObject([{ name: "model", type: "query", hide: 0 }]);
    const [variable] = templating.list;
    expect(variable?.query.replace(/label_values\((.*), (.*)\)/, "count($1) by ($2)")).toBe(
      'count(vllm:num_requests_running{namespace="ai"}) by (model_name)',
    );
  });

  test("is selected by its labels, and its file name is unique to the stack", () => {
    const made = dashboardConfigMap("ai", "configMap", "grafana", "{}");
    expect(made).toEqual({
      metadata: { name: "models-of-ai", namespace: "grafana", labels: { grafana_dashboard: "1" } },
      data: { "models-of-ai.json": "{}" },
    });
    expect(dashboardConfigMap("ai", "openshiftConsole", "x", "{}").metadata.labels).toMatchObject({
      "console.openshift.io/dashboard": "true",
    });
  });
});
