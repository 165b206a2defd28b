/** Alerts and dashboards of a stack's models. */
import { consoleNamespace } from "../components/monitoring/dashboard.ts";
import type { Thresholds } from "../components/monitoring/rules.ts";
import type { Config, Model } from "../config.ts";
import { predictorName } from "./addresses.ts";

/** Arguments of Monitoring; undefined without alerts and dashboard. */
export function monitoringOf(config: Pick<Config, "namespace" | "models" | "monitoring">) {
  const { namespace, monitoring } = config;
  const { alerts, labels, dashboard, dashboardNamespace, grafanaLabels } = monitoring;
  if (!alerts && dashboard === "none") return undefined;
  const place = dashboard === "openshiftConsole" ? consoleNamespace : namespace;
  return {
    namespace,
    labels,
    models: config.models
      .filter(({ serve }) => alerts && !serve.stopped)
      .map((model) => ({
        name: model.name,
        namespace,
        deployment: model.serve.mode === "kserve" ? predictorName(model.name) : model.name,
        thresholds: thresholdsOf(model, monitoring.thresholds),
      })),
    dashboard:
      dashboard === "none"
        ? undefined
        : { delivery: dashboard, namespace: dashboardNamespace ?? place, grafanaLabels },
  };
}

/** A configured threshold takes precedence over the model's gate, and that over the default. */
function thresholdsOf({ serve, test }: Model, said: Config["monitoring"]["thresholds"]): Thresholds {
  const gate = test?.benchmark?.gate;
  const target = serve.autoscaling?.target;
  return {
    ...said,
    queuedRequests: said.queuedRequests ?? (target === undefined ? 10 : 2 * target),
    ttftMsP95: said.ttftMsP95 ?? gate?.ttftMsP95 ?? 2000,
    itlMsP95: said.itlMsP95 ?? gate?.itlMsP95 ?? 100,
    errorRate: said.errorRate ?? gate?.errorRate ?? 0.05,
  };
}
