import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { askWhenServed, gatewayUrl } from "./chat.ts";

describe("gatewayUrl", () => {
  it("leads to the same Service", () => {
    expect(gatewayUrl("http://sums-predictor.demo.svc.cluster.local", 1234)).toBe(
      "http://127.0.0.1:1234/demo/sums-predictor",
    );
    expect(gatewayUrl("http://a.b.svc.cluster.local:8080", 1)).toBe("http://127.0.0.1:1/b/a:8080");
    expect(() => gatewayUrl("http://localhost", 1)).toThrow("not the URL of a Service");
  });
});

describe("askWhenServed", () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  async function serve(...answers: readonly (readonly [number, string])[]): Promise<string> {
    let next = 0;
    server = createServer((_request, response) => {
      const [status, text] = answers[Math.min(next++, answers.length - 1)] as readonly [number, string];
      response.writeHead(status).end(text);
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it("waits while no pod serves the model, and says so once", async () => {
    const said: string[] = [];
    const url = await serve(
      [502, "refused"],
      [503, "no"],
      [200, '{"choices":[{"message":{"content":"12"}}]}'],
    );
    const answer = await askWhenServed(url, "sums", "?", {
      seconds: 10,
      say: (message) => said.push(message),
    });
    expect(answer).toBe("12");
    expect(said).toEqual(["waiting for sums to load again, up to 10 s"]);
  });

  it("fails at once when the server refuses", async () => {
    const url = await serve([404, "no such model"]);
    await expect(askWhenServed(url, "sums", "?", { seconds: 10, say: () => {} })).rejects.toThrow(
      "404: no such model",
    );
  });
});
