/** Requests one token from a served model, through the API server's proxy to its Service or its newest pod. */
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, type Cluster } from "@modelcar/kubernetes/client";
import { onInterruption } from "@modelcar/kubernetes/interruption";
import { requestToPod } from "@modelcar/kubernetes/port-forward";
import { passes } from "@modelcar/kubernetes/retry";

export interface Probe {
  readonly namespace: string;
  readonly service: { readonly name: string; readonly port: number };
  /** Name that the model is served under. */
  readonly model: string;
  readonly deadlineSeconds: number;
  /** Probe this pod instead of the Service, because something in front of the Service requires a token. */
  readonly pod?: {
    /** Its current name; undefined while no pod is ready. */
    readonly newest: () => Promise<string | undefined>;
    readonly port: number;
    /** vLLM's API key. The API server's proxies do not forward the header, so the probe uses a port-forward. */
    readonly apiKey?: string;
  };
  /** Default 2000. */
  readonly pauseMs?: number;
}

const unknownTarget = /(services|pods) "[^"]*" not found/;
const timeoutSeconds = 120;

interface Completion {
  readonly model?: string;
  readonly choices?: readonly unknown[];
}

/** Returns when the model has answered. Throws at once if it refuses, and at the deadline if it does not answer. */
export async function answers(cluster: Cluster, probe: Probe): Promise<void> {
  const { service, model } = probe;
  const end = performance.now() + probe.deadlineSeconds * 1000;
  const interruption = new AbortController();
  const forget = onInterruption((error) => interruption.abort(error));
  try {
    for (;;) {
      try {
        const completion = await ask(cluster, probe);
        if (completion.model === model && completion.choices?.length === 1) return;
        const answer = JSON.stringify(completion);
        throw new ApiError(422, `${service.name} did not answer as model ${model}: ${answer}`);
      } catch (error) {
        if (isFinal(error) || performance.now() > end) throw error;
        await sleep(probe.pauseMs ?? 2000, undefined, { signal: interruption.signal }).catch(() => {
          throw interruption.signal.reason;
        });
      }
    }
  } finally {
    forget();
  }
}

/** A new Service, endpoint or pod may take a moment to appear; any other 4xx is the model server's final answer. */
function isFinal(error: unknown): boolean {
  return error instanceof ApiError && !passes(error) && !unknownTarget.test(error.message);
}

async function ask(cluster: Cluster, { namespace, service, model, pod }: Probe): Promise<Completion> {
  const body = { model, prompt: "1", max_tokens: 1, temperature: 0 };
  const path = "/v1/completions";
  const proxied = (target: string) =>
    cluster.request<Completion>("POST", `/api/v1/namespaces/${namespace}/${target}/proxy${path}`, {
      body,
      timeoutSeconds,
    });
  if (!pod) return proxied(`services/${service.name}:${service.port}`);
  const { port, apiKey } = pod;
  const name = await pod.newest();
  if (name === undefined) throw new Error("no pod of the model is ready");
  if (apiKey === undefined) return proxied(`pods/${name}:${port}`);
  const headers = { Authorization: `Bearer ${apiKey}` };
  return requestToPod(cluster, {
    namespace,
    pod: name,
    port,
    method: "POST",
    path,
    headers,
    body,
    timeoutSeconds,
  });
}
