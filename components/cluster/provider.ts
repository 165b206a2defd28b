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

/** By what a cluster is known: both of these, or what the user may read of them. */
export interface Identity {
  /** Uid of the namespace kube-system, as old as the cluster. */
  readonly kubeSystemUid?: string;
  /** Uid of the stack's own namespace, for who may not read the other. */
  readonly namespaceUid?: string;
}

/** What the cluster answers: undefined for a namespace that is not there, empty for one that the user may not read. */
type Answer = { readonly [key in keyof Identity]-?: string | undefined };

type State = IdentityInputs & Identity;

const locationOf = ({ context }: IdentityInputs) => ({ context, ...locate({ context }, contextKey) });

/** Names the cluster that has taken the place of the one that the stack was made in. */
export const consentVariable = "MODELCAR_NEW_CLUSTER";
/** Its value for a cluster of which the user may read no uid. */
const nameless = "unknown";

/**
 * Asks the cluster who it is, in every preview and up, and refuses another one than state has, but for the user's consent.
 * What it says becomes part of the inputs, so that the next time finds it.
 */
export async function check(olds: Partial<State>, news: IdentityInputs) {
  try {
    return await reaching(locationOf(news), async (cluster) => {
      // Another namespace in the config is no other cluster, which is known by the one that the stack was in.
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
 * The name of the context is nothing of the cluster's. A first sign is written down in place; another one, of a namespace that
 * the last `up` made, is noted by a refresh, so that no preview has something to do for it.
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

/** For commands that do not run the program. With the user's consent the identity is forgotten, and `up` takes the new one. */
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

/** Whether the user has named this cluster as the one to be taken. */
function isAgreed(live: Answer): boolean {
  const consent = process.env[consentVariable];
  return Boolean(consent) && (Object.values(live).includes(consent) || consent === nameOf(live));
}

/** By what a user names a cluster whose signs state does not have. */
const nameOf = (live: Answer): string => live.kubeSystemUid || live.namespaceUid || nameless;

/** What state is to hold of a cluster that was not refused; `isCertain` where a sign was found to be the known one. */
function noted(known: Identity, live: Answer, isCertain: boolean): Identity {
  const kubeSystemUid = live.kubeSystemUid || known.kubeSystemUid;
  const isProven = Boolean(known.kubeSystemUid) && known.kubeSystemUid === live.kubeSystemUid;
  // One that is not there will be made anew, and have another uid; that it is the same cluster must be sure by the other sign.
  const kept = live.namespaceUid === undefined && isProven ? undefined : known.namespaceUid;
  // Beside the other sign it must be of the same cluster.
  const namespaceUid = isCertain || !known.kubeSystemUid ? live.namespaceUid || kept : kept;
  return signsOf({ kubeSystemUid, namespaceUid });
}

/**
 * Why a cluster is not the known one; undefined where it is, or where nothing can be compared. The first sign that both have
 * decides: a namespace may be made anew in the same cluster. One that is known and gone, with no other sign, proves nothing.
 */
function difference(context: string, known: Identity, live: Answer): string | undefined {
  const key = comparable(known, live);
  const isGone = !key && known.namespaceUid !== undefined && live.namespaceUid === undefined;
  if (!isGone && (!key || known[key] === live[key])) return undefined;
  const [orElse, found] = isGone
    ? [", or the namespace was deleted", "the stack's namespace is not there, and had uid"]
    : key === "kubeSystemUid"
      ? ["", `its namespace kube-system has uid ${live.kubeSystemUid}, and had`]
      : [
          ", or the namespace was made anew",
          `the stack's namespace there has uid ${live.namespaceUid}, and had`,
        ];
  return (
    `the context "${context}" leads to another cluster than the one that this stack is in${orElse}: ${found} ` +
    `${known[key ?? "namespaceUid"]} when the stack was made. No object was changed. Set ${contextKey} to a ` +
    "context of the stack's cluster; or pulumi destroy there first, to move the stack; or, where the new cluster has " +
    `taken the old one's place and everything is to be made anew: ${consentVariable}=${key ? live[key] : nameOf(live)} pulumi up`
  );
}

const isKnown = (identity: Identity) => signs.some((sign) => identity[sign]);

/** The surest first. */
const signs = ["kubeSystemUid", "namespaceUid"] as const;

const comparable = (known: Identity, live: Answer) => signs.find((sign) => known[sign] && live[sign]);

function isSame(known: Identity, live: Answer): boolean {
  const sign = comparable(known, live);
  return sign !== undefined && known[sign] === live[sign];
}

function signsOf({ kubeSystemUid, namespaceUid }: Partial<Answer>): Identity {
  return { ...(kubeSystemUid ? { kubeSystemUid } : {}), ...(namespaceUid ? { namespaceUid } : {}) };
}
