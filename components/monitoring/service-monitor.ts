/** The ServiceMonitor of a model. */
import { port } from "../serving/vllm.ts";

export interface MonitoredModel {
  readonly name: string;
  readonly namespace: string;
  /** Labels of the Service whose pods have the metrics. */
  readonly serviceLabels: Readonly<Record<string, string>>;
  /** Labels by which the cluster's Prometheus selects ServiceMonitors. Default: none; OpenShift needs none. */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * Lets Prometheus scrape vLLM's metrics: throughput, queue, cache, latencies. Not needed for an InferenceService on OpenShift
 * AI, which creates a ServiceMonitor of this name itself.
 */
export function serviceMonitor({ name, namespace, serviceLabels, labels }: MonitoredModel) {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: { name: `${name}-metrics`, namespace, labels: { ...labels, "app.kubernetes.io/name": name } },
    spec: {
      selector: { matchLabels: serviceLabels },
      endpoints: [{ port: port.name, path: "/metrics", scheme: "http", interval: "30s" }],
    },
  };
}
