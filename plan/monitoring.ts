/** Alerts and dashboards of a stack's models. */

import type { Config, Model } from "../config/config.ts";
import { predictorName } from "../rules/addresses.ts";
import { consoleNamespace } from "../rules/names.ts";

/** Values beyond which an alert fires, once they have been exceeded for some minutes. */
export interface Thresholds {
  /** Requests in the queue of each copy. */
  readonly queuedRequests: number;
  /** Share of the KV cache, 0 to 1. */
  readonly kvCacheUsage: number;
  /** Preemptions for each finished request. */
  readonly preemptionsPerRequest: number;
  /** Milliseconds to the first token, 95th percentile. */
  readonly ttftMsP95: number;
  /** Milliseconds between tokens, 95th percentile. */
  readonly itlMsP95: number;
  /** Share of requests that the server answers with an error of its own (HTTP 5xx), 0 to 1. */
  readonly errorRate: number;
  /** Minutes without a ready copy. */
  readonly notReadyMinutes: number;
}

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
