/** What the stack says of a served model. */
export interface ServedModel {
  /** In-cluster base URL: `http://<service>.<namespace>.svc.cluster.local[:port]`. */
  readonly url: string;
}

/** The same Service from the host's loopback, through the platform's gateway. */
export function gatewayUrl(inCluster: string, gatewayPort: number): string {
  const { hostname, port } = new URL(inCluster);
  const [service, namespace] = hostname.split(".");
  if (!service || !namespace) throw new Error(`${inCluster} is not the URL of a Service`);
  return `http://127.0.0.1:${gatewayPort}/${namespace}/${service}${port ? `:${port}` : ""}`;
}

/**
 * Asks a model one question through its chat endpoint and returns the answer.
 * @throws Error with the server's status and words.
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
  if (!response.ok) throw new Error(`${model} answered ${response.status}: ${text}`);
  const answer = JSON.parse(text) as { choices: { message: { content: string } }[] };
  return answer.choices[0]?.message.content ?? "";
}
