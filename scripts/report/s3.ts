/** Reads a bucket of any S3 service. Requests are signed (SigV4); the caller provides the transport. */
import { AwsV4Signer } from "aws4fetch";

export interface S3Bucket {
  /** Base URL of the service, as requests are signed for it. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
}

export interface S3Login {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Sends a signed GET to the service. */
export type Carry = (
  url: URL,
  headers: Readonly<Record<string, string>>,
) => Promise<{ readonly status: number; readonly body: Buffer }>;

export interface S3Object {
  readonly key: string;
  readonly lastModified: Date;
}

/** The service refused a request, with its own code and message. */
export class S3Error extends Error {
  readonly status: number;
  /** Such as AccessDenied; empty if the response is not S3's. */
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class S3Reader {
  readonly #bucket: S3Bucket;
  readonly #login: S3Login;
  readonly #carry: Carry;

  constructor(bucket: S3Bucket, login: S3Login, carry: Carry) {
    this.#bucket = bucket;
    this.#login = login;
    this.#carry = carry;
  }

  /** s3://bucket/key. */
  place(key: string): string {
    return `s3://${this.#bucket.bucket}/${key}`;
  }

  /** All objects below a prefix (ListObjectsV2, page by page). Throws an S3Error. */
  async list(prefix: string): Promise<S3Object[]> {
    const found: S3Object[] = [];
    let continuation: string | undefined;
    do {
      const page = (
        await this.#get("", {
          "list-type": "2",
          // Keys come percent-encoded, so that none of them can contain markup.
          "encoding-type": "url",
          prefix,
          ...(continuation ? { "continuation-token": continuation } : {}),
        })
      ).toString("utf8");
      if (!page.includes("<ListBucketResult")) {
        throw new S3Error(
          200,
          "",
          `GET ${this.place(prefix)}: the response is not S3's: ${page.slice(0, 200)}`,
        );
      }
      for (const [entry] of page.matchAll(/<Contents>.*?<\/Contents>/gs)) {
        const [key, modified] = [element(entry, "Key"), element(entry, "LastModified")];
        if (key && modified) found.push({ key: decoded(key), lastModified: new Date(modified) });
      }
      continuation = element(page, "NextContinuationToken");
    } while (continuation);
    return found;
  }

  /** The content of an object. Throws an S3Error. */
  read(key: string): Promise<Buffer> {
    return this.#get(key, {});
  }

  async #get(key: string, query: Readonly<Record<string, string>>): Promise<Buffer> {
    const { endpoint, region, bucket } = this.#bucket;
    const path = key.split("/").map(encodeURIComponent).join("/");
    const url = new URL(`${endpoint.replace(/\/$/, "")}/${bucket}${path ? `/${path}` : ""}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const signed = await new AwsV4Signer({ url: url.href, service: "s3", region, ...this.#login }).sign();
    const { status, body } = await this.#carry(signed.url, Object.fromEntries(signed.headers));
    if (status >= 200 && status < 300) return body;
    const text = body.toString("utf8");
    const code = element(text, "Code") ?? "";
    const words = element(text, "Message") ?? text.slice(0, 200);
    const what = `GET ${this.place(key || (query.prefix ?? ""))}`;
    throw new S3Error(status, code, `${what}: ${[status, code, words].filter(Boolean).join(" ")}`);
  }
}

/** The text of the first element with that name; the elements that are read here have no attributes. */
function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1];
}

/** S3 encodes keys with percent signs, and blanks as +. */
const decoded = (key: string): string => decodeURIComponent(key.replaceAll("+", " "));
