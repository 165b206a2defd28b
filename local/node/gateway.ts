/**
 * Runs inside the sandbox's network on two listening sockets that were opened on the host's loopback before:
 * file descriptor 3 passes connections through to the API server; file descriptor 4 speaks HTTP and sends
 * `/<namespace>/<service>[:port]/<path>` to that Service.
 *
 * Arguments: the cluster's DNS address, the API server's address, its port.
 */
import { Resolver } from "node:dns/promises";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import { connect, createServer } from "node:net";
import { parseServicePath } from "./service-path.ts";

const [dnsAddress, apiAddress, apiPort] = process.argv.slice(2) as [string, string, string];

// Without noDelay half of all requests wait 40 ms for an acknowledgement.
createServer({ noDelay: true }, (client) => {
  const server = connect({ host: apiAddress, port: Number(apiPort), noDelay: true });
  client.pipe(server).pipe(client);
  // When either side closes, so does the other.
  client.on("error", () => server.destroy());
  server.on("error", () => client.destroy());
}).listen({ fd: 3 });

const resolver = new Resolver({ timeout: 2000, tries: 2 });
resolver.setServers([dnsAddress]);

async function forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const target = parseServicePath(incoming.url ?? "/");
  if (!target) return refuse(outgoing, 404, "use /<namespace>/<service>[:port]/<path>");
  const name = `${target.service}.${target.namespace}.svc.cluster.local`;
  const [address] = await resolver.resolve4(name).catch(() => []);
  if (!address) return refuse(outgoing, 404, `no Service ${target.service} in namespace ${target.namespace}`);
  const upstream = request({
    host: address,
    port: target.port,
    method: incoming.method,
    path: target.path,
    headers: { ...incoming.headers, host: target.port === 80 ? name : `${name}:${target.port}` },
  });
  upstream.on("response", (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(outgoing);
  });
  upstream.on("error", (error) => {
    if (outgoing.headersSent) outgoing.destroy();
    else
      refuse(outgoing, 502, `Service ${target.service} in namespace ${target.namespace}: ${error.message}`);
  });
  outgoing.on("close", () => upstream.destroy());
  incoming.pipe(upstream);
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error }));
}

createHttpServer((incoming, outgoing) => void forward(incoming, outgoing)).listen({ fd: 4 });
