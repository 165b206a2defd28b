/** Alerts on a served model: what its users notice, or will notice soon. */
import type { Thresholds } from "../../plan/monitoring.ts";
import { inPodsOf, ofModel, quantile } from "./metrics.ts";

export interface AlertedModel {
  /** Name that it is served under. */
  readonly name: string;
  readonly namespace: string;
  /** Deployment of its pods. */
  readonly deployment: string;
}

/** With fewer failures in ten minutes no alert fires, whatever share of the requests they are. */
const fewestFailures = 5;

interface Alert {
  readonly name: string;
  readonly severity: "critical" | "warning";
  readonly minutes: number;
  readonly expr: string;
  readonly summary: string;
  /** What it means, and what to do. */
  readonly description: string;
}

/**
 * A PrometheusRule. Each alert has the labels severity and model_name for routing. On OpenShift it needs monitoring for
 * user-defined projects (enableUserWorkload) and a namespace that is not labelled openshift.io/user-monitoring: "false"; the
 * cluster's Alertmanager, or an AlertmanagerConfig in the namespace where that is enabled, decides who is notified. OpenShift
 * restricts every expression to the rule's own namespace.
 * @param labels Labels by which the cluster's Prometheus selects rules.
 */
export function prometheusRule(
  model: AlertedModel,
  thresholds: Thresholds,
  labels: Readonly<Record<string, string>> = {},
) {
  const { name, namespace } = model;
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: { name: `${name}-alerts`, namespace, labels: { ...labels, "app.kubernetes.io/name": name } },
    spec: {
      groups: [
        {
          name: `model-${name}`,
          rules: [
            ...readiness(model, thresholds),
            ...load(model, thresholds),
            ...quality(model, thresholds),
          ].map(({ name: alert, severity, minutes, expr, summary, description }) => ({
            alert,
            expr,
            for: `${minutes}m`,
            labels: { severity, model_name: name },
            annotations: { summary, description },
          })),
        },
      ],
    },
  };
}

function readiness({ name, namespace, deployment }: AlertedModel, { notReadyMinutes }: Thresholds): Alert[] {
  const noneReady = `kube_deployment_status_replicas_available{namespace="${namespace}",deployment="${deployment}"} < 1`;
  return [
    {
      name: "ModelNotReady",
      severity: "critical",
      minutes: notReadyMinutes,
      expr: noneReady,
      summary: `No copy of model ${name} is ready`,
      description: `It answers no requests. kubectl describe pods -n ${namespace} -l app.kubernetes.io/name=${name} shows why its pods do not start, and kubectl logs why vLLM exits.`,
    },
    {
      name: "ModelMetricsMissing",
      severity: "warning",
      minutes: notReadyMinutes,
      expr: `absent(vllm:num_requests_running${ofModel(namespace, name)}) unless on () (${noneReady})`,
      summary: `Prometheus has no metrics of model ${name}`,
      description: `No other alert on it can fire. Is it served at all, does a ServiceMonitor select its Service (modelcar:monitoring.serviceMonitor, or OpenShift AI's own), and may Prometheus reach its pods (modelcar:endpoint.callers)?`,
    },
  ];
}

function load(
  { name, namespace }: AlertedModel,
  { queuedRequests, kvCacheUsage, preemptionsPerRequest }: Thresholds,
): Alert[] {
  const selector = ofModel(namespace, name);
  const perModel = "by (namespace, model_name)";
  return [
    {
      name: "ModelQueueGrows",
      severity: "warning",
      minutes: 5,
      expr: `avg ${perModel} (avg_over_time(vllm:num_requests_waiting${selector}[5m])) > ${queuedRequests}`,
      summary: `Requests to model ${name} wait in its queue`,
      description:
        "{{ $value | humanize }} requests wait in the queue of each copy, on average over 5 minutes. Serve more copies (serve.replicas; with autoscaling raise maxReplicas, and check that the new pods get GPUs), or let clients send fewer requests at once.",
    },
    {
      name: "ModelKvCacheFull",
      severity: "warning",
      minutes: 5,
      expr: `max ${perModel} (avg_over_time(vllm:kv_cache_usage_perc${selector}[10m])) > ${kvCacheUsage}`,
      summary: `The KV cache of model ${name} is full`,
      description:
        "{{ $value | humanizePercentage }} of a copy's cache is in use, on average over 10 minutes; further requests wait or preempt others. Serve more copies, lower serve.maxModelLen or maxNumSeqs, or give it GPUs with more memory.",
    },
    {
      name: "ModelPreemptsRequests",
      severity: "warning",
      minutes: 10,
      expr: `sum ${perModel} (rate(vllm:num_preemptions_total${selector}[10m])) / sum ${perModel} (rate(vllm:request_success_total${selector}[10m])) > ${preemptionsPerRequest}`,
      summary: `Model ${name} preempts requests and recomputes them`,
      description:
        "{{ $value | humanize }} preemptions for each finished request: the KV cache is too small for what runs at once, and work is done twice. Lower serve.maxNumSeqs or maxModelLen, or serve more copies.",
    },
  ];
}

function quality({ name, namespace }: AlertedModel, thresholds: Thresholds): Alert[] {
  const selector = ofModel(namespace, name);
  const { ttftMsP95, itlMsP95, errorRate } = thresholds;
  const answers = (matchers: string) =>
    `sum by (namespace) ${inPodsOf(`increase(http_requests_total{${matchers}}[10m])`, selector)}`;
  const failed = answers(`namespace="${namespace}",status="5xx"`);
  const all = answers(`namespace="${namespace}"`);
  return [
    {
      name: "ModelFirstTokenSlow",
      severity: "warning",
      minutes: 10,
      expr: `${quantile(0.95, "time_to_first_token", selector, "5m")} > ${ttftMsP95 / 1000}`,
      summary: `Model ${name} is slow to start its answers`,
      description: `One request in twenty waits longer than {{ $value | humanizeDuration }} for its first token; the limit is ${ttftMsP95} ms. If requests are queued, serve more copies; if not, prompts have become longer or the GPUs slower.`,
    },
    {
      name: "ModelTokensSlow",
      severity: "warning",
      minutes: 10,
      expr: `${quantile(0.95, "inter_token_latency", selector, "5m")} > ${itlMsP95 / 1000}`,
      summary: `Model ${name} generates tokens slowly`,
      description: `One token in twenty comes more than {{ $value | humanizeDuration }} after the one before; the limit is ${itlMsP95} ms. Lower serve.maxNumSeqs to make each sequence faster, and serve more copies to keep the capacity.`,
    },
    {
      name: "ModelFails",
      severity: "critical",
      minutes: 5,
      expr: `(${failed} / ${all} > ${errorRate}) and ${failed} >= ${fewestFailures}`,
      summary: `Model ${name} answers with errors`,
      description: `{{ $value | humanizePercentage }} of the requests of the last 10 minutes ended in HTTP 5xx. kubectl logs -n ${namespace} -l app.kubernetes.io/name=${name} --tail=100 shows vLLM's errors.`,
    },
  ];
}
