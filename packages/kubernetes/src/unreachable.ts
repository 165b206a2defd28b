/** What becomes of resources whose cluster is not to be reached: the same as with the Kubernetes provider's own. */
import { ApiError, Cluster } from "./client.ts";
import { KubeconfigError, MissingKubeconfigError, UnknownContextError } from "./kubeconfig.ts";
import { type Location, nameOf } from "./location.ts";
import { persistently } from "./retry.ts";

/** The Kubernetes provider's own switch, read where it reads it. */
const variable = "PULUMI_K8S_DELETE_UNREACHABLE";

/** No answer of the cluster's API. The message names the place, the cause, and the ways out. */
export class UnreachableError extends Error {
  /** Whether the cluster may be gone: a kubeconfig that has to be mended says nothing of that. */
  readonly mayBeGone: boolean;

  constructor(location: Location, cause: unknown) {
    const { message, code } = cause as NodeJS.ErrnoException;
    const unknown = cause instanceof UnknownContextError;
    const mayBeGone =
      unknown || cause instanceof MissingKubeconfigError || !(cause instanceof KubeconfigError);
    const renamed = unknown
      ? `; if the cluster has another name in your kubeconfig: ${renaming(location)}, then ` +
        "pulumi up once, or --run-program with any command"
      : "";
    const wayOut = mayBeGone
      ? `; if the cluster was deleted, run this again with ${variable}=true, which takes what was there out of the state`
      : "; mend the kubeconfig, then run this again";
    super(`the cluster of ${nameOf(location)} cannot be reached: ${message || code}${renamed}${wayOut}`, {
      cause,
    });
    this.mayBeGone = mayBeGone;
    this.stack = "";
  }
}

const renaming = ({ contextKey }: Location) =>
  contextKey ? `pulumi config set ${contextKey} <context>` : "say so in the program";

/** Answers of what stands before an API that is gone, or of one that does not know this user. */
const withoutApi = new Set([401, 502, 503, 504]);

type Print = (line: string) => void;
const said = new Set<string>();

/** Does something with a cluster. Throws an {@link UnreachableError} when that gives no answer. */
export async function reaching<T>(location: Location, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  try {
    return await work(Cluster.connect(location));
  } catch (error) {
    throw isNoAnswer(error) ? new UnreachableError(location, error) : error;
  }
}

function isNoAnswer(error: unknown): boolean {
  if (error instanceof ApiError) return withoutApi.has(error.status);
  const { code, name } = error as NodeJS.ErrnoException;
  // Whatever network and TLS fail with has a code.
  return error instanceof KubeconfigError || typeof code === "string" || name === "TimeoutError";
}

/**
 * What `read` gives for a resource: what `work` finds. From a cluster out of reach a resource stays as it is, because a
 * refresh comes before the program and so may go by a context that the stack no longer has; or leaves the state, where the
 * cluster may be gone and the user has said so.
 */
export async function readOf<P>(
  id: string,
  props: P,
  location: Location,
  work: (cluster: Cluster) => Promise<{ id?: string; props?: P }>,
  print: Print = (line) => console.log(line),
): Promise<{ id?: string; props?: P }> {
  try {
    return await reaching(location, work);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    if (error.mayBeGone && removesUnreachable()) {
      print(`warning: ${id}: taken out of the state, because ${error.message}`);
      return {};
    }
    if (!said.has(error.message)) print(`warning: the state is taken as it is, because ${error.message}`);
    said.add(error.message);
    return { id, props };
  }
}

/**
 * The cluster that something is to be deleted from; undefined where it is out of reach and the user has said what that
 * means. Throws an {@link UnreachableError}, after `patienceSeconds` (default 180) of what may pass.
 */
export async function clusterToDeleteFrom(
  id: string,
  location: Location,
  print: Print,
  patienceSeconds?: number,
): Promise<Cluster | undefined> {
  const contact = () =>
    reaching(location, async (cluster) => {
      await cluster.request("GET", "/version");
      return cluster;
    });
  const causeOf = (error: unknown) => {
    throw error instanceof UnreachableError ? error.cause : error;
  };
  try {
    if (removesUnreachable()) return await contact();
    const options = { print, ...(patienceSeconds === undefined ? {} : { patienceSeconds }) };
    return await persistently(() => contact().catch(causeOf), options).catch((cause) => {
      throw new UnreachableError(location, cause);
    });
  } catch (error) {
    if (!(error instanceof UnreachableError && error.mayBeGone && removesUnreachable())) throw error;
    print(`warning: ${id}: only taken out of the state, because ${error.message}`);
    return undefined;
  }
}

function removesUnreachable(): boolean {
  return process.env[variable] === "true";
}
