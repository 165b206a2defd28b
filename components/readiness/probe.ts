/** Asks a served model for one token, through the API server's proxy to its Service. */
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, type Cluster } from "../kubernetes/client.ts";

export interface Probe {
  readonly namespace: string;
  readonly service: { readonly name: string; readonly port: number };
  /** Name that the model is served under. */
  readonly model: string;
  readonly deadlineSeconds: number;
  /** Default 2000. */
  readonly pauseMs?: number;
}

const unknownService = /services "[^"]*" not found/;

interface Completion {
  readonly model?: string;
  readonly choices?: readonly unknown[];
}

/** Returns when the model has answered. Throws at once when it refuses, and at the deadline when it never answers. */
export async function answers(cluster: Cluster, probe: Probe): Promise<void> {
  const { namespace, service, model } = probe;
  const path = `/api/v1/namespaces/${namespace}/services/${service.name}:${service.port}/proxy/v1/completions`;
  const body = { model, prompt: "1", max_tokens: 1, temperature: 0 };
  const end = Date.now() + probe.deadlineSeconds * 1000;
  for (;;) {
    try {
      const completion = await cluster.request<Completion>("POST", path, { body, timeoutSeconds: 120 });
      if (completion.model === model && completion.choices?.length === 1) return;
      throw new ApiError(
        422,
        `${service.name} did not answer as model ${model}: ${JSON.stringify(completion)}`,
      );
    } catch (error) {
      // A new Service or endpoint may take a moment to be known; any other 4xx is the model server's final answer.
      const refused =
        error instanceof ApiError &&
        error.status >= 400 &&
        error.status < 500 &&
        !unknownService.test(error.message);
      if (refused || Date.now() > end) throw error;
      await sleep(probe.pauseMs ?? 2000);
    }
  }
}
