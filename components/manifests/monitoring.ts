/** What Prometheus is to read. */
import { port } from "./vllm.ts";

export interface MonitoredModel {
  readonly name: string;
  readonly namespace: string;
  /** Labels of the Service whose pods have the metrics. */
  readonly serviceLabels: Readonly<Record<string, string>>;
}

/**
 * Where Prometheus finds vLLM's metrics: throughput, queue, cache, latencies. Not needed for an InferenceService on OpenShift
 * AI, which makes a ServiceMonitor of this name itself.
 */
export function serviceMonitor({ name, namespace, serviceLabels }: MonitoredModel) {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: { name: `${name}-metrics`, namespace, labels: { "app.kubernetes.io/name": name } },
    spec: {
      selector: { matchLabels: serviceLabels },
      endpoints: [{ port: port.name, path: "/metrics", scheme: "http", interval: "30s" }],
    },
  };
}
