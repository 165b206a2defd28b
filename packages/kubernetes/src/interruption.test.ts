import { connect, createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { InterruptedError, interruptible, onInterruption } from "./interruption.ts";
import { waiting } from "./waiting.ts";

/** As the engine calls a provider: gRPC is HTTP/2 with the method as path. */
async function call(path: string): Promise<Http2Server> {
  const server = createServer().on("stream", (stream) => {
    stream.respond({ ":status": 200 });
    stream.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const request = client.request({ ":path": path, ":method": "POST" });
  await new Promise((resolve) => request.resume().on("end", resolve));
  client.close();
  return server;
}

test("the engine's Cancel ends the waits of an operation; other calls do not, and later operations end at once", async () => {
  const options = { deadlineSeconds: 60, print: () => {}, state: () => "" };
  let ended: unknown;
  const operation = interruptible(() => waiting(options, async () => {})).catch((error) => {
    ended = error;
  });
  (await call("/pulumirpc.ResourceProvider/Diff")).close();
  expect(ended).toBeUndefined();
  (await call("/pulumirpc.ResourceProvider/Cancel")).close();
  await operation;
  expect(ended).toBeInstanceOf(InterruptedError);
  let told = false;
  onInterruption(() => {
    told = true;
  });
  expect(told).toBe(true);
});
