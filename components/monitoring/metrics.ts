/** The metrics of alerts and dashboard, and expressions that both use. */

/** Every metric that an expression names, by exporter. */
export const metrics = {
  /** A model's /metrics, in the vLLM version that images/vllm-cpu pins. The last one comes from its HTTP server. */
  model: [
    "vllm:generation_tokens_total",
    "vllm:inter_token_latency_seconds_bucket",
    "vllm:kv_cache_usage_perc",
    "vllm:num_preemptions_total",
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:prompt_tokens_total",
    "vllm:request_success_total",
    "vllm:time_to_first_token_seconds_bucket",
    "http_requests_total",
  ],
  /** kube-state-metrics, which OpenShift's monitoring includes. */
  kubernetes: ["kube_deployment_spec_replicas", "kube_deployment_status_replicas_available"],
  /** NVIDIA's DCGM exporter, part of the GPU operator. */
  gpu: ["DCGM_FI_DEV_GPU_UTIL"],
} as const;

/**
 * Those of `names` without a sample in the text of a /metrics page, for example after an upgrade that renamed them. Send the
 * model a request first: its HTTP server has no samples before.
 */
export function missingMetrics(text: string, names: readonly string[] = metrics.model): string[] {
  const samples = new Set(text.split("\n").flatMap((line) => /^[a-zA-Z_:][\w:]*/.exec(line) ?? []));
  return names.filter((name) => !samples.has(name));
}

/** A label matcher; `model_name` is the name that the model is served under. */
export const ofModel = (namespace: string, model: string): string =>
  `{namespace="${namespace}",model_name="${model}"}`;

/** Prometheus' estimate of a quantile of one of vLLM's histograms in seconds, over all copies of a model. */
export const quantile = (share: number, histogram: string, selector: string, window: string): string =>
  `histogram_quantile(${share}, sum by (namespace, model_name, le) (rate(vllm:${histogram}_seconds_bucket${selector}[${window}])))`;

/**
 * A model's part of a series that has a pod label but no model label, such as those of its HTTP server.
 * @param series An expression whose result has the labels namespace and pod.
 */
export const inPodsOf = (series: string, selector: string): string =>
  `(${series} and on (namespace, pod) vllm:num_requests_running${selector})`;
