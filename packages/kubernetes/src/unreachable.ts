/** Handles resources whose cluster is unreachable, as the Kubernetes provider does. */
import { ApiError, Cluster } from "./client.ts";
import { KubeconfigError, MissingKubeconfigError, UnknownContextError } from "./kubeconfig.ts";
import { type Location, nameOf } from "./location.ts";
import { persistently } from "./retry.ts";

/** The Kubernetes provider's environment variable. */
const variable = "PULUMI_K8S_DELETE_UNREACHABLE";

/** The cluster's API does not answer. The message has the cluster, the cause and what to do. */
export class UnreachableError extends Error {
  /** Whether the cluster may be gone; false if the kubeconfig is broken. */
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
      ? `; if the cluster was deleted, run this again with ${variable}=true, which removes its resources from the state`
      : "; fix the kubeconfig, then run this again";
    super(`the cluster of ${nameOf(location)} cannot be reached: ${message || code}${renamed}${wayOut}`, {
      cause,
    });
    this.mayBeGone = mayBeGone;
    this.stack = "";
  }
}

const renaming = ({ contextKey }: Location) =>
  contextKey ? `pulumi config set ${contextKey} <context>` : "change it in the program";

/** Responses of a proxy in front of an API that is gone, or of an API that does not know the user. */
const withoutApi = new Set([401, 502, 503, 504]);

type Print = (line: string) => void;
const said = new Set<string>();

/** Runs `work` with a cluster. Throws an {@link UnreachableError} if the cluster does not answer. */
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
  // Errors of the network and of TLS have a code.
  return error instanceof KubeconfigError || typeof code === "string" || name === "TimeoutError";
}

/**
 * The result of `read` for a resource: what `work` finds. If the cluster is unreachable, the resource stays unchanged in state,
 * because a refresh runs before the program and may use a context that the stack no longer has. It is removed from state if
 * the cluster may be gone and the user has set the variable.
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
      print(`warning: ${id}: removed from the state, because ${error.message}`);
      return {};
    }
    if (!said.has(error.message)) print(`warning: the state is left unchanged, because ${error.message}`);
    said.add(error.message);
    return { id, props };
  }
}

/**
 * The cluster that a resource is to be deleted from; undefined if it is unreachable and the user has set the variable.
 * Throws an {@link UnreachableError} after `patienceSeconds` (default 180) of transient failures.
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
    print(`warning: ${id}: only removed from the state, because ${error.message}`);
    return undefined;
  }
}

function removesUnreachable(): boolean {
  return process.env[variable] === "true";
}
