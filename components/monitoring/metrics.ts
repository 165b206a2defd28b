/** The metrics that alerts and dashboard are made of, and expressions that both use. */

/** Every metric that an expression names, by who exports it. */
export const metrics = {
  /** A model's /metrics, as of the vLLM that images/vllm-cpu pins. The last one comes from its HTTP server. */
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
  /** kube-state-metrics, which OpenShift's monitoring has too. */
  kubernetes: ["kube_deployment_spec_replicas", "kube_deployment_status_replicas_available"],
  /** NVIDIA's DCGM exporter, part of the GPU operator. */
  gpu: ["DCGM_FI_DEV_GPU_UTIL"],
} as const;

/**
 * Those of `names` that the text of a /metrics page has no sample of, as after an upgrade that renamed them. Ask the model
 * something first: its HTTP server counts from the first request on.
 */
export function missingMetrics(text: string, names: readonly string[] = metrics.model): string[] {
  const samples = new Set(text.split("\n").flatMap((line) => /^[a-zA-Z_:][\w:]*/.exec(line) ?? []));
  return names.filter((name) => !samples.has(name));
}

/** A label matcher; vLLM puts the name that a model answers under into `model_name`. */
export const ofModel = (namespace: string, model: string): string =>
  `{namespace="${namespace}",model_name="${model}"}`;

/** Prometheus' estimate of a quantile in vLLM's histogram of seconds, over all copies of a model. */
export const quantile = (share: number, histogram: string, selector: string, window: string): string =>
  `histogram_quantile(${share}, sum by (namespace, model_name, le) (rate(vllm:${histogram}_seconds_bucket${selector}[${window}])))`;

/**
 * A model's part of a series that says its pod but not its model, as those of its HTTP server.
 * @param series An expression whose result has the labels namespace and pod.
 */
export const inPodsOf = (series: string, selector: string): string =>
  `(${series} and on (namespace, pod) vllm:num_requests_running${selector})`;
