import { waitUntil } from "./run.ts";

/** A served model, as the stack's outputs describe it. */
export interface ServedModel {
  /** In-cluster base URL: `http://<service>.<namespace>.svc.cluster.local[:port]`. Undefined while the model is stopped. */
  readonly url?: string;
}

/** The URL of the same Service on the host's loopback, through the platform's gateway. */
export function gatewayUrl(inCluster: string, gatewayPort: number): string {
  const { hostname, port } = new URL(inCluster);
  const [service, namespace] = hostname.split(".");
  if (!service || !namespace) throw new Error(`${inCluster} is not the URL of a Service`);
  return `http://127.0.0.1:${gatewayPort}/${namespace}/${service}${port ? `:${port}` : ""}`;
}

/** No pod serves the model right now: it is still starting, for instance after a crash of the node. */
export class NotServed extends Error {}

/**
 * Asks a model one question through its chat endpoint and returns the answer.
 * @throws NotServed if no pod answers; Error with the server's status and message if one refuses.
 */
export async function ask(url: string, model: string, question: string): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model,
      temperature: 0,
      max_tokens: 16,
      messages: [{ role: "user", content: question }],
    }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  if (response.status === 502 || response.status === 503) throw new NotServed(`${model}: ${text}`);
  if (!response.ok) throw new Error(`${model} answered ${response.status}: ${text}`);
  const answer = JSON.parse(text) as { choices: { message: { content: string } }[] };
  return answer.choices[0]?.message.content ?? "";
}

/** Like `ask`, but waits up to `seconds` for a pod that is starting; reports the wait once through `say`. */
export async function askWhenServed(
  url: string,
  model: string,
  question: string,
  { seconds, say }: { readonly seconds: number; readonly say: (message: string) => void },
): Promise<string> {
  let told = false;
  const answer = await waitUntil(
    `an answer from ${model}`,
    async () => {
      try {
        return { text: await ask(url, model, question) };
      } catch (error) {
        if (!(error instanceof NotServed)) return { error: error as Error };
        if (!told) say(`waiting for ${model} to load again, up to ${seconds} s`);
        told = true;
        throw error;
      }
    },
    { seconds, everyMs: 1000 },
  );
  if ("error" in answer) throw answer.error;
  return answer.text;
}
