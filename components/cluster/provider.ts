/** The logic behind the ClusterIdentity resource. */
import type { Cluster } from "@modelcar/kubernetes/client";
import { locate } from "@modelcar/kubernetes/location";
import { uidOf } from "@modelcar/kubernetes/namespaces";
import { reaching, readOf, UnreachableError } from "@modelcar/kubernetes/unreachable";
import { contextKey } from "../shared/context-key.ts";

export { configure } from "@modelcar/kubernetes/location";

export interface IdentityInputs {
  /** Context of the kubeconfig. */
  readonly context: string;
  /** The stack's own namespace. */
  readonly namespace: string;
  readonly __provider?: string;
}

/** What identifies a cluster: both of these, or those that the user may read. */
export interface Identity {
  /** Uid of the namespace kube-system, which is as old as the cluster. */
  readonly kubeSystemUid?: string;
  /** Uid of the stack's own namespace, for users who may not read kube-system. */
  readonly namespaceUid?: string;
}

/** What the cluster answers: undefined for a namespace that does not exist, empty for one that the user may not read. */
type Answer = { readonly [key in keyof Identity]-?: string | undefined };

type State = IdentityInputs & Identity;

const locationOf = ({ context }: IdentityInputs) => ({ context, ...locate({ context }, contextKey) });

/** Environment variable by which a user accepts a new cluster in place of the stack's. */
export const consentVariable = "MODELCAR_NEW_CLUSTER";
/** Its value for a cluster where the user may read neither uid. */
const nameless = "unknown";

/**
 * Reads the cluster's identity in every preview and up, and refuses a cluster other than the one in state unless the user
 * consents. The identity becomes part of the inputs, to be compared next time.
 */
export async function check(olds: Partial<State>, news: IdentityInputs) {
  try {
    return await reaching(locationOf(news), async (cluster) => {
      // A changed namespace in the config is not another cluster: compare by the namespace that the stack was in.
      const namespace = olds.namespace ?? news.namespace;
      const moves = namespace !== news.namespace;
      const live = await identityOf(cluster, namespace);
      const own = moves ? { ...live, namespaceUid: await uidOf(cluster, news.namespace) } : live;
      const reason = difference(locationOf(news).context, olds, live);
      if (!reason) {
        const { namespaceUid: _, ...remaining } = olds;
        const known: Identity = moves ? remaining : olds;
        return { inputs: { ...news, ...noted(known, own, isSame(olds, live)) }, failures: [] };
      }
      if (isAgreed(live) || isAgreed(own))
        return { inputs: { ...news, ...noted({}, own, true) }, failures: [] };
      return { inputs: { ...news, ...signsOf(olds) }, failures: [{ property: "context", reason }] };
    });
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return { inputs: news, failures: [{ property: "context", reason: error.message }] };
  }
}

/**
 * A changed context name is no diff. A first identity is stored by an update; the uid of a namespace that the last `up`
 * created is stored by a refresh, so that the next preview shows no change.
 */
export async function diff(_id: string, olds: State, news: State) {
  const isOther = !isSame(olds, { kubeSystemUid: undefined, namespaceUid: undefined, ...news });
  return { changes: olds.namespace !== news.namespace || (isKnown(news) && isOther) };
}

export async function create(inputs: State) {
  return { id: inputs.kubeSystemUid ?? inputs.namespaceUid ?? "unknown", outs: inputs };
}

export async function update(_id: string, _olds: State, news: State) {
  return { outs: news };
}

/** For commands that do not run the program. With the user's consent the identity is dropped, and `up` stores the new one. */
export function read(id: string, props: State) {
  return readOf(id, props, locationOf(props), async (cluster) => {
    const live = await identityOf(cluster, props.namespace);
    const reason = difference(locationOf(props).context, props, live);
    if (!reason) {
      const { kubeSystemUid: _, namespaceUid: __, ...others } = props;
      return { id, props: { ...others, ...noted(props, live, isSame(props, live)) } };
    }
    if (isAgreed(live)) return {};
    throw Object.assign(new Error(reason), { stack: "" });
  });
}

async function identityOf(cluster: Cluster, namespace: string): Promise<Answer> {
  const names = ["kube-system", namespace];
  const [kubeSystemUid, namespaceUid] = await Promise.all(names.map((name) => uidOf(cluster, name)));
  return { kubeSystemUid, namespaceUid };
}

/** Whether the user has accepted this cluster. */
function isAgreed(live: Answer): boolean {
  const consent = process.env[consentVariable];
  return Boolean(consent) && (Object.values(live).includes(consent) || consent === nameOf(live));
}

/** How a user names a cluster that cannot be compared with state. */
const nameOf = (live: Answer): string => live.kubeSystemUid || live.namespaceUid || nameless;

/** The identity to store for an accepted cluster; `isCertain` if a uid matched the known one. */
function noted(known: Identity, live: Answer, isCertain: boolean): Identity {
  const kubeSystemUid = live.kubeSystemUid || known.kubeSystemUid;
  const isProven = Boolean(known.kubeSystemUid) && known.kubeSystemUid === live.kubeSystemUid;
  // A missing namespace will be created again with another uid; kube-system must prove that it is the same cluster.
  const kept = live.namespaceUid === undefined && isProven ? undefined : known.namespaceUid;
  // Next to a known kube-system uid, it is stored only if the cluster is proven to be the same.
  const namespaceUid = isCertain || !known.kubeSystemUid ? live.namespaceUid || kept : kept;
  return signsOf({ kubeSystemUid, namespaceUid });
}

/**
 * Why a cluster is not the known one; undefined if it is, or if nothing can be compared. The first uid that both have
 * decides, because a namespace may be recreated in the same cluster. A known namespace that is gone proves nothing by itself.
 */
function difference(context: string, known: Identity, live: Answer): string | undefined {
  const key = comparable(known, live);
  const isGone = !key && known.namespaceUid !== undefined && live.namespaceUid === undefined;
  if (!isGone && (!key || known[key] === live[key])) return undefined;
  const [orElse, found] = isGone
    ? [", or the namespace was deleted", "the stack's namespace does not exist, and had uid"]
    : key === "kubeSystemUid"
      ? ["", `its namespace kube-system has uid ${live.kubeSystemUid}, and had`]
      : [
          ", or the namespace was recreated",
          `the stack's namespace there has uid ${live.namespaceUid}, and had`,
        ];
  return (
    `the context "${context}" leads to a cluster other than this stack's${orElse}: ${found} ` +
    `${known[key ?? "namespaceUid"]} when the stack was created. No object was changed. Set ${contextKey} to a ` +
    "context of the stack's cluster; or, to move the stack, run pulumi destroy there first; or, if the new cluster " +
    `replaces the old one and everything is to be created again: ${consentVariable}=${key ? live[key] : nameOf(live)} pulumi up`
  );
}

const isKnown = (identity: Identity) => signs.some((sign) => identity[sign]);

/** The most reliable first. */
const signs = ["kubeSystemUid", "namespaceUid"] as const;

const comparable = (known: Identity, live: Answer) => signs.find((sign) => known[sign] && live[sign]);

function isSame(known: Identity, live: Answer): boolean {
  const sign = comparable(known, live);
  return sign !== undefined && known[sign] === live[sign];
}

function signsOf({ kubeSystemUid, namespaceUid }: Partial<Answer>): Identity {
  return { ...(kubeSystemUid ? { kubeSystemUid } : {}), ...(namespaceUid ? { namespaceUid } : {}) };
}
