/** The logic behind the ClusterIdentity resource. */
import type { Cluster } from "../kubernetes/client.ts";
import { contextOf } from "../kubernetes/context.ts";
import { uidOf } from "../kubernetes/namespaces.ts";
import { reaching, readOf, UnreachableError } from "../kubernetes/unreachable.ts";

export { configure } from "../kubernetes/context.ts";

export interface IdentityInputs {
  /** Context of the kubeconfig. */
  readonly context: string;
  /** The stack's own namespace. */
  readonly namespace: string;
  readonly __provider?: string;
}

/** By what a cluster is known: one of these, or none where the user may read neither. */
export interface Identity {
  /** Uid of the namespace kube-system, as old as the cluster. */
  readonly kubeSystemUid?: string;
  /** Uid of the stack's own namespace, for who may not read the other. */
  readonly namespaceUid?: string;
}

type State = IdentityInputs & Identity;

/** Names the cluster that has taken the place of the one that the stack was made in. */
export const consentVariable = "MODELCAR_NEW_CLUSTER";

/**
 * Asks the cluster who it is, in every preview and up, and refuses another one than state has. What it says becomes part
 * of the inputs, so that the next time finds it.
 */
export async function check(olds: Partial<State>, news: IdentityInputs) {
  try {
    const live = await reaching(news, (cluster) => identityOf(cluster, news.namespace, olds));
    const reason = difference(contextOf(news), olds, live);
    const { kubeSystemUid, namespaceUid } = olds;
    const known = { ...(kubeSystemUid ? { kubeSystemUid } : {}), ...(namespaceUid ? { namespaceUid } : {}) };
    const inputs: State = { ...news, ...live, ...known };
    return { inputs, failures: reason ? [{ property: "context", reason }] : [] };
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return { inputs: news, failures: [{ property: "context", reason: error.message }] };
  }
}

/** The name of the context is nothing of the cluster's. What is known is written down once. */
export async function diff(_id: string, olds: State, news: State) {
  return { changes: !isKnown(olds) && isKnown(news) };
}

export async function create(inputs: State) {
  return { id: inputs.kubeSystemUid ?? inputs.namespaceUid ?? "unknown", outs: inputs };
}

export async function update(_id: string, _olds: State, news: State) {
  return { outs: news };
}

/** For commands that do not run the program. With the user's consent the identity is forgotten, and `up` takes the new one. */
export function read(id: string, props: State) {
  return readOf(id, props, async (cluster) => {
    const live = await identityOf(cluster, props.namespace, props);
    const reason = difference(contextOf(props), props, live);
    if (!reason) return { id, props };
    const consent = process.env[consentVariable];
    if (consent && Object.values(live).includes(consent)) return {};
    throw Object.assign(new Error(reason), { stack: "" });
  });
}

/** What the cluster tells this user, with the sign that `known` has where that can be read. */
async function identityOf(cluster: Cluster, namespace: string, known: Identity): Promise<Identity> {
  const kubeSystemUid = await uidOf(cluster, "kube-system");
  const bySystem = kubeSystemUid ? { kubeSystemUid } : {};
  if (known.kubeSystemUid || (kubeSystemUid && !known.namespaceUid)) return bySystem;
  const namespaceUid = await uidOf(cluster, namespace);
  return { ...bySystem, ...(namespaceUid ? { namespaceUid } : {}) };
}

/** Why a cluster is not the known one; undefined where it is, or where nothing can be compared. */
function difference(context: string, known: Identity, live: Identity): string | undefined {
  for (const key of ["kubeSystemUid", "namespaceUid"] as const) {
    if (!known[key] || !live[key] || known[key] === live[key]) continue;
    const [sign, orElse] =
      key === "kubeSystemUid"
        ? ["its namespace kube-system", ""]
        : ["the stack's namespace there", ", or the namespace was made anew"];
    return (
      `the context "${context}" leads to another cluster than the one that this stack is in${orElse}: ${sign} has uid ` +
      `${live[key]}, and had ${known[key]} when the stack was made. No object was changed. Set modelcar:kubeContext to a ` +
      "context of the stack's cluster; or pulumi destroy there first, to move the stack; or, where the new cluster has " +
      `taken the old one's place and everything is to be made anew: ${consentVariable}=${live[key]} pulumi up`
    );
  }
  return undefined;
}

const isKnown = ({ kubeSystemUid, namespaceUid }: Identity) => Boolean(kubeSystemUid ?? namespaceUid);
