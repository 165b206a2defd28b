/** A stand-in for the API server's port-forward: a connection to a pod's port ends at a port of this machine. */
import { createRequire } from "node:module";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { FakeApi } from "./fake-api.ts";

interface WebSocket {
  send(data: Buffer): void;
  close(): void;
  on(event: "message", listener: (data: Buffer) => void): void;
  on(event: "close", listener: () => void): void;
}

// The Kubernetes client's own WebSocket library; it comes without types.
const { WebSocketServer } = createRequire(import.meta.resolve("@kubernetes/client-node"))(
  "isomorphic-ws",
) as {
  WebSocketServer: new (options: {
    noServer: true;
    handleProtocols: (offered: Set<string>) => string | false;
  }) => {
    handleUpgrade(request: unknown, socket: Duplex, head: Buffer, done: (socket: WebSocket) => void): void;
  };
};

const protocol = "v4.channel.k8s.io";

/** `ports` are ports of this machine by namespace/pod:port. The answer lists what was asked for. */
export function forwardPods(api: FakeApi, ports: Readonly<Record<string, number>>): string[] {
  const asked: string[] = [];
  const server = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => offered.has(protocol) && protocol,
  });
  api.server.on("upgrade", (request, socket: Duplex, head) => {
    const [, namespace, pod, port] =
      /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/portforward\?ports=(\d+)$/.exec(request.url ?? "") ??
      [];
    const target = `${namespace}/${pod}:${port}`;
    asked.push(target);
    const local = ports[target];
    if (local === undefined) {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    server.handleUpgrade(request, socket, head, (client) => carry(client, Number(port), local));
  });
  return asked;
}

/** Every message is a channel (0 data, 1 errors) and bytes; the first of each channel is the port. */
function carry(client: WebSocket, podPort: number, local: number): void {
  const pod = connect(local, "127.0.0.1");
  const port = Buffer.alloc(2);
  port.writeUInt16LE(podPort);
  for (const channel of [0, 1]) client.send(Buffer.concat([Buffer.of(channel), port]));
  client.on("message", (data) => pod.write(data.subarray(1)));
  client.on("close", () => pod.destroy());
  pod.on("data", (data) => client.send(Buffer.concat([Buffer.of(0), data])));
  pod.on("error", () => client.close());
  pod.on("close", () => client.close());
}
