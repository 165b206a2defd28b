/** One HTTP request to a pod through a port-forward: it bypasses proxies in the pod and keeps all headers. */
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
  /** Sent as JSON. Default: no body. */
  readonly body?: unknown;
  readonly timeoutSeconds: number;
}

export interface PodAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** The JSON response. Throws an ApiError for any status but 2xx; messages do not contain headers. */
export async function requestToPod<T>(cluster: Cluster, call: PodRequest): Promise<T> {
  const { pod, method, path } = call;
  const { status, body } = await answerOfPod(cluster, call);
  const text = body.toString("utf8");
  if (status >= 200 && status < 300) return JSON.parse(text) as T;
  throw new ApiError(status, `${method} ${path} of pod ${pod}: ${status} ${text.slice(0, 500)}`);
}

/** The response, whatever its status. */
export async function answerOfPod(cluster: Cluster, call: PodRequest): Promise<PodAnswer> {
  const { namespace, pod, port, method, path } = call;
  const [fromPod, toPod] = [new PassThrough(), new PassThrough()];
  const socket = await new PortForward(cluster.config)
    .portForward(namespace, pod, [port], fromPod, null, toPod, 0)
    .catch((failure: { message?: string }) => {
      // A WebSocket fails with an event, which is no Error.
      throw new Error(`port-forward to pod ${namespace}/${pod}: ${failure.message ?? "failed"}`);
    });
  // Otherwise the request to a pod that ends would wait until the timeout.
  if (typeof socket !== "function") socket.onclose = () => fromPod.end();
  try {
    return await new Promise<PodAnswer>((resolve, reject) => {
      const sent = request(
        {
          method,
          path,
          headers: { Host: "localhost", "Content-Type": "application/json", ...call.headers },
          signal: AbortSignal.timeout(call.timeoutSeconds * 1000),
          createConnection: () => Duplex.from({ readable: fromPod, writable: toPod }),
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }),
          );
        },
      );
      sent.on("error", reject);
      sent.end(call.body === undefined ? undefined : JSON.stringify(call.body));
    });
  } finally {
    if (typeof socket !== "function") socket.close();
  }
}
