/** One HTTP request to a pod through the API server's port-forward: past proxies in the pod, with headers of our own. */
import { request } from "node:http";
import { Duplex, PassThrough } from "node:stream";
import { PortForward } from "@kubernetes/client-node";
import { ApiError, type Cluster } from "./client.ts";

export interface PodRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly timeoutSeconds: number;
}

/** The JSON answer. Throws an ApiError for any status but 2xx; headers are in no message. */
export async function requestToPod<T>(cluster: Cluster, call: PodRequest): Promise<T> {
  const { namespace, pod, port, method, path } = call;
  const [fromPod, toPod] = [new PassThrough(), new PassThrough()];
  const socket = await new PortForward(cluster.config).portForward(
    namespace,
    pod,
    [port],
    fromPod,
    null,
    toPod,
    0,
  );
  try {
    const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const sent = request(
        {
          method,
          path,
          headers: { Host: "localhost", "Content-Type": "application/json", ...call.headers },
          signal: AbortSignal.timeout(call.timeoutSeconds * 1000),
          createConnection: () => Duplex.from({ readable: fromPod, writable: toPod }),
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => {
            text += chunk;
          });
          response.on("error", reject);
          response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        },
      );
      sent.on("error", reject);
      sent.end(JSON.stringify(call.body));
    });
    if (status >= 200 && status < 300) return JSON.parse(text) as T;
    throw new ApiError(status, `${method} ${path} of pod ${pod}: ${status} ${text.slice(0, 500)}`);
  } finally {
    if (typeof socket !== "function") socket.close();
  }
}
