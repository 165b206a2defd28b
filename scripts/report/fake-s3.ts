/** A stand-in for an S3 service, for tests: one bucket in memory. It knows access keys but checks no signature; MinIO does. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export class FakeS3 {
  readonly #server: Server;
  /** Content and time by key. */
  readonly objects = new Map<string, { readonly content: string; readonly time: string }>();
  /** Every request, with its Host header. */
  readonly requests: { readonly url: string; readonly host: string }[] = [];
  /** Objects of one page of a list. */
  pageSize = 1000;
  /** If set, the response to every request. */
  refuse: { readonly status: number; readonly body: string } | undefined;

  private constructor(bucket: string, accessKey: string) {
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://s3");
      this.requests.push({ url: `${url.pathname}${url.search}`, host: request.headers.host ?? "" });
      const error = (status: number, code: string) =>
        response.writeHead(status).end(`<Error><Code>${code}</Code><Message>about ${code}</Message></Error>`);
      if (this.refuse) return response.writeHead(this.refuse.status).end(this.refuse.body);
      if (!request.headers.authorization?.includes(`Credential=${accessKey}/`)) {
        return error(403, "InvalidAccessKeyId");
      }
      if (url.pathname === `/${bucket}`) return response.end(this.#list(url.searchParams));
      const object = this.objects.get(url.pathname.slice(bucket.length + 2));
      return object ? response.end(object.content) : error(404, "NoSuchKey");
    });
  }

  static async start(bucket: string, accessKey: string): Promise<FakeS3> {
    const s3 = new FakeS3(bucket, accessKey);
    await new Promise<void>((resolve) => s3.#server.listen(0, "127.0.0.1", resolve));
    return s3;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #list(query: URLSearchParams): string {
    if (query.get("list-type") !== "2" || query.get("encoding-type") !== "url")
      throw new Error("unknown list");
    const start = Number(query.get("continuation-token") ?? 0);
    const matching = [...this.objects].filter(([key]) => key.startsWith(query.get("prefix") ?? ""));
    const end = start + this.pageSize;
    const contents = matching.slice(start, end).map(([key, { time }]) => {
      const encoded = encodeURIComponent(key).replaceAll("%2F", "/").replaceAll("%20", "+");
      return `<Contents><Key>${encoded}</Key><LastModified>${time}</LastModified></Contents>`;
    });
    const next = end < matching.length ? `<NextContinuationToken>${end}</NextContinuationToken>` : "";
    return `<?xml version="1.0"?>\n<ListBucketResult xmlns="x">${next}${contents.join("\n")}</ListBucketResult>`;
  }
}
