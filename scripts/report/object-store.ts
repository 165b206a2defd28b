/** Reaches a stack's object store and reads its credentials, both with the user's own kubeconfig. */
import { ApiError, type Cluster } from "@modelcar/kubernetes/client";
import { newestReady, type Pod, podProblem } from "@modelcar/kubernetes/pods";
import { answerOfPod } from "@modelcar/kubernetes/port-forward";
import { service } from "../../components/object-store/manifests.ts";
import type { Config } from "../../config/config.ts";
import { objectStoreAddress } from "../../rules/addresses.ts";
import { secretNames } from "../../rules/names.ts";
import { type Carry, S3Error, type S3Login, S3Reader } from "./s3.ts";

const timeoutSeconds = 60;

export interface Place {
  readonly cluster: Cluster;
  readonly config: Config;
  readonly stack: string;
}

/** The command that brings a stack up. */
export const bringsUp = (stack: string): string =>
  stack === "local" ? "npm start" : `pulumi up --stack ${stack}`;

/** The bucket of a stack. Throws an Error that says what is missing. */
export async function objectStore(place: Place): Promise<S3Reader> {
  const { cluster, config } = place;
  const { objectStore } = config;
  const login = await loginOf(place);
  const carry =
    "endpoint" in objectStore ? directly : throughPod(cluster, objectStore.namespace, await minioPod(place));
  return new S3Reader(objectStoreAddress(objectStore), login, carry);
}

/** The credentials that pipelines write with; they can also read. */
async function loginOf({ cluster, config, stack }: Place): Promise<S3Login> {
  const { namespace } = config;
  const name = `Secret ${namespace}/${secretNames.objectStore}`;
  const path = `/api/v1/namespaces/${namespace}/secrets/${secretNames.objectStore}`;
  const found = await cluster.get<{ data?: Record<string, string> }>(path).catch((error: unknown) => {
    if (!(error instanceof ApiError && error.status === 403)) throw error;
    throw new Error(
      `your user in context ${config.kubeContext} may not read ${name}, which has the object store's credentials: ask for the verb get on it (${error.message})`,
    );
  });
  if (!found) {
    throw new Error(
      `there is no ${name}, which has the object store's credentials: is stack ${stack} up? ${bringsUp(stack)} makes it`,
    );
  }
  const keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const;
  const missing = keys.filter((key) => !found.data?.[key]);
  if (missing.length > 0)
    throw new Error(`${name} has no ${missing.join(" and no ")}: run ${bringsUp(stack)}`);
  const [accessKeyId = "", secretAccessKey = ""] = keys.map((key) =>
    Buffer.from(found.data?.[key] ?? "", "base64").toString("utf8"),
  );
  return { accessKeyId, secretAccessKey };
}

/** A ready pod behind MinIO's Service. */
async function minioPod({ cluster, config, stack }: Place): Promise<string> {
  const namespace = (config.objectStore as { namespace: string }).namespace;
  const { metadata, spec } = service(namespace, false);
  const labelSelector = Object.entries(spec.selector)
    .map(([key, value]) => `${key}=${value}`)
    .join();
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const { items } = await cluster.request<{ items: Pod[] }>("GET", path, { query: { labelSelector } });
  const ready = newestReady(items);
  if (ready) return ready;
  const [pod] = items;
  const where = `Service ${metadata.name} in namespace ${namespace}`;
  if (!pod)
    throw new Error(
      `no pod is behind ${where}: is stack ${stack} up? ${bringsUp(stack)} makes the object store`,
    );
  const why = podProblem(pod)?.text ?? `it is ${pod.status?.phase ?? "not started"}`;
  throw new Error(`no pod behind ${where} is ready: ${pod.metadata.name}: ${why}`);
}

function throughPod(cluster: Cluster, namespace: string, pod: string): Carry {
  return async (url, headers) => {
    const call = { namespace, pod, port: Number(url.port), method: "GET", path: url.pathname + url.search };
    try {
      return await answerOfPod(cluster, { ...call, headers: { ...headers, Host: url.host }, timeoutSeconds });
    } catch (error) {
      const { message } = error as Error;
      const hint = message.includes("response: 403")
        ? `: your user may not forward ports there; ask for create on pods/portforward in namespace ${namespace}`
        : "";
      throw new Error(`the object store in namespace ${namespace} does not answer${hint} (${message})`);
    }
  };
}

const directly: Carry = async (url, headers) => {
  try {
    const answer = await fetch(url, {
      headers,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
    });
    return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
  } catch (error) {
    throw new Error(`modelcar:objectStore.endpoint ${url.origin} ${unreachable(error as Error, url)}`);
  }
};

function unreachable({ message, cause }: Error, { hostname }: URL): string {
  const { code = "", message: reason = message } = (cause ?? {}) as NodeJS.ErrnoException;
  if (/SELF_SIGNED|SIGNATURE|ISSUER/.test(code)) {
    return `has a certificate that this machine does not trust (${code}): set NODE_EXTRA_CA_CERTS to the file of its authority`;
  }
  if (/CERT/.test(code)) return `has an invalid certificate (${reason})`;
  const inside = /\.svc(\.|$)/.test(hostname)
    ? "the name is only known inside the cluster: run this in a pod, or forward the port here and add the name to /etc/hosts"
    : "run this where it can be reached; for a proxy set HTTPS_PROXY and NODE_USE_ENV_PROXY=1";
  return `cannot be reached from here (${code || reason}): ${inside}`;
}

/** Adds to S3's refusals what the user can do about them. */
export function explained(error: unknown, { config, stack }: Place): unknown {
  if (!(error instanceof S3Error)) return error;
  const secret = `Secret ${config.namespace}/${secretNames.objectStore}`;
  const { bucket } = config.objectStore;
  const means: Readonly<Record<string, string>> = {
    AccessDenied: `the credentials in ${secret} may not read it: they need s3:ListBucket on ${bucket} and s3:GetObject in it`,
    InvalidAccessKeyId: `the object store does not know the credentials in ${secret}: run ${bringsUp(stack)}`,
    SignatureDoesNotMatch: `the object store rejects the credentials in ${secret}: run ${bringsUp(stack)}`,
    RequestTimeTooSkewed: "this machine's clock is wrong: set it",
    NoSuchBucket: `modelcar:objectStore.bucket is ${bucket}: ${"endpoint" in config.objectStore ? "name one that exists" : `${bringsUp(stack)} makes it`}`,
    AuthorizationHeaderMalformed: `set modelcar:objectStore.region, which is ${config.objectStore.region}`,
    PermanentRedirect: `set modelcar:objectStore.region and endpoint; region is ${config.objectStore.region}`,
  };
  const what = means[error.code] ?? (error.status === 403 ? means.AccessDenied : undefined);
  return what ? new Error(`${error.message}; ${what}`) : error;
}
