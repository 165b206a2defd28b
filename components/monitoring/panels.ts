/** The panels of the dashboard, independent of the format. `$model` is the model that the reader selects. */
import { inPodsOf, ofModel, quantile } from "./metrics.ts";

export interface Panel {
  readonly title: string;
  /** What it shows its reader. */
  readonly description: string;
  /** Unit of the values, by Grafana's name. */
  readonly unit: "short" | "reqps" | "s" | "percentunit";
  readonly series: readonly {
    readonly expr: string;
    /** Name of the curve; {{label}} is replaced with the label's value. */
    readonly legend: string;
  }[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export const titleOf = (namespace: string): string => `Models of ${namespace}`;

/** Query for the models to select from; candidates are among them. */
export const modelsOf = (namespace: string): string =>
  `label_values(vllm:num_requests_running{namespace="${namespace}"}, model_name)`;

/** The rows from top to bottom. Windows are `$__rate_interval`, which fits the displayed time range. */
export function rowsOf(namespace: string): Row[] {
  const selector = ofModel(namespace, "$model");
  const rate = (metric: string, by = "") =>
    `sum${by && ` by (${by})`} (rate(${metric}${selector}[$__rate_interval]))`;
  const quantiles = (histogram: string) =>
    [0.5, 0.95, 0.99].map((share) => ({
      expr: quantile(share, histogram, selector, "$__rate_interval"),
      legend: `p${share * 100}`,
    }));
  const errors = `rate(http_requests_total{namespace="${namespace}",status=~"4xx|5xx"}[$__rate_interval])`;
  const deployment = `{namespace="${namespace}",deployment=~"$model(-predictor)?"}`;
  return [
    {
      title: "Traffic",
      panels: [
        {
          title: "Requests",
          description:
            "Finished requests per second, by reason: stop and length are answers, abort is a client that disconnected.",
          unit: "reqps",
          series: [
            { expr: rate("vllm:request_success_total", "finished_reason"), legend: "{{finished_reason}}" },
          ],
        },
        {
          title: "Tokens per second",
          description: "All copies together: in are tokens of prompts, out are tokens of answers.",
          unit: "short",
          series: [
            { expr: rate("vllm:prompt_tokens_total"), legend: "in" },
            { expr: rate("vllm:generation_tokens_total"), legend: "out" },
          ],
        },
        {
          title: "Errors",
          description:
            "HTTP responses per second: 5xx are failures of the server, 4xx are requests that it refused.",
          unit: "reqps",
          series: [{ expr: `sum by (status) ${inPodsOf(errors, selector)}`, legend: "{{status}}" }],
        },
      ],
    },
    {
      title: "Latency",
      panels: [
        {
          title: "Time to first token",
          description: "Median, 95th and 99th percentile of all requests, including the time in the queue.",
          unit: "s",
          series: quantiles("time_to_first_token"),
        },
        {
          title: "Time between tokens",
          description:
            "Median, 95th and 99th percentile of all tokens; 0.05 s are 20 tokens per second for each reader.",
          unit: "s",
          series: quantiles("inter_token_latency"),
        },
      ],
    },
    {
      title: "Load",
      panels: [
        {
          title: "Queue",
          description: "Running and waiting requests, in all copies together.",
          unit: "short",
          series: [
            { expr: `sum (vllm:num_requests_running${selector})`, legend: "running" },
            { expr: `sum (vllm:num_requests_waiting${selector})`, legend: "waiting" },
          ],
        },
        {
          title: "KV cache",
          description: "Share in use, for each copy; at 100% requests wait or are preempted.",
          unit: "percentunit",
          series: [{ expr: `max by (pod) (vllm:kv_cache_usage_perc${selector})`, legend: "{{pod}}" }],
        },
        {
          title: "Preemptions",
          description: "Requests per second that lost their place in the KV cache and are recomputed.",
          unit: "reqps",
          series: [{ expr: rate("vllm:num_preemptions_total"), legend: "preemptions" }],
        },
      ],
    },
    {
      title: "Copies",
      panels: [
        {
          title: "Copies",
          description: "Pods that should run, and those that are ready.",
          unit: "short",
          series: [
            { expr: `sum (kube_deployment_spec_replicas${deployment})`, legend: "wanted" },
            { expr: `sum (kube_deployment_status_replicas_available${deployment})`, legend: "ready" },
          ],
        },
        {
          title: "GPU use",
          description:
            "Share of the time in which a GPU computed anything; empty without NVIDIA's DCGM exporter.",
          unit: "percentunit",
          series: [{ expr: gpuUse(namespace, selector), legend: "{{pod}} {{gpu}}" }],
        },
      ],
    },
  ];
}

/** The exporter's series have the pod that uses the GPU as `exported_pod`, or as `pod` where Prometheus honours its labels. */
function gpuUse(namespace: string, selector: string): string {
  const renamed = `label_replace(DCGM_FI_DEV_GPU_UTIL{exported_namespace="${namespace}"}, "pod", "$1", "exported_pod", "(.+)")`;
  const honoured = `DCGM_FI_DEV_GPU_UTIL{namespace="${namespace}",exported_pod=""}`;
  const pods = `vllm:num_requests_running${selector}`;
  return `max by (pod, gpu) ((${renamed} or ${honoured}) and on (pod) ${pods}) / 100`;
}
