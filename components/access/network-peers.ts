/** Whom a network policy lets a pod talk to: the parts of its API, and what a URL means in them. */
import type { Platform } from "../../rules/security.ts";

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values?: string[];
  }[];
}

export type Peer =
  | { readonly namespaceSelector?: LabelSelector; readonly podSelector?: LabelSelector }
  | { readonly ipBlock: { readonly cidr: string; readonly except?: string[] } };

export interface Port {
  readonly protocol: "TCP" | "UDP";
  readonly port: number;
}

export interface Egress {
  readonly to?: Peer[];
  readonly ports?: Port[];
}

interface Ingress {
  readonly from?: Peer[];
  readonly ports?: Port[];
}

export interface NetworkPolicy {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly podSelector: LabelSelector;
    readonly policyTypes: ("Ingress" | "Egress")[];
    readonly ingress?: Ingress[];
    readonly egress?: Egress[];
  };
}

export const tcp = (...ports: number[]): Port[] => ports.map((port) => ({ protocol: "TCP", port }));

/** All pods of a namespace but those on the host's network. */
export const inNamespace = (namespace: string): Peer => ({
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
});

/** All pods of the namespaces with a label of OpenShift's, those on the host's network too. */
export const openShiftGroup = (label: string): Peer => ({
  namespaceSelector: { matchLabels: { [label]: "" } },
  podSelector: {},
});

/** OpenShift's routers: in pods of their own, or on the host's network. */
export const openShiftRouters: Peer[] = [
  { namespaceSelector: { matchLabels: { "network.openshift.io/policy-group": "ingress" } } },
  openShiftGroup("policy-group.network.openshift.io/ingress"),
];

/** Addresses that no host on the internet has; the metadata service of clouds, which hands out keys, is among them. */
const notTheInternet = {
  v4: ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
  v6: ["fc00::/7", "fe80::/10"],
};

/** Which of two a host's name is. Both where it cannot tell: then what either needs is let through. */
interface Whereabouts {
  /** Namespace of a Service of the cluster; "" for that of the job. */
  readonly inside?: string;
  readonly outside?: true;
}

/**
 * What a pod needs to reach a URL, or host[:port] with TLS. A Service of the cluster is all pods of its namespace at any port:
 * policies see the port that a pod listens on, which the Service's own does not tell. A host outside is every public address,
 * and those of `privateNetworks`, at the URL's port, because policies know no names. Which of the two a name is:
 *
 * - `<service>` alone and `….<service>.<namespace>.svc[.cluster.local]`: a Service, the first beside the job;
 * - an address, a well-known public host, and three or more parts: outside, unless the first of three is a pod's name (ends
 *   in its number) and the others can be `<service>.<namespace>`;
 * - `<service>.<namespace>`, `<pod>.<service>.<namespace>`, and `….svc` with another domain: either, so both are let through.
 */
export function destination(
  url: string,
  options: { readonly privateNetworks?: readonly string[] } = {},
): Egress[] {
  const { hostname, port, protocol } = new URL(url.includes("://") ? url : `https://${url}`);
  const host = hostname.replace(/^\[|\]$/g, "");
  const where = whereabouts(host);
  const peer: Peer = where.inside ? inNamespace(where.inside) : { podSelector: {} };
  const number = Number(port || (protocol === "http:" ? 80 : 443));
  return [
    ...(where.inside === undefined ? [] : [{ to: [peer] }]),
    ...(where.outside ? [{ to: outside(host, options.privateNetworks ?? []), ports: tcp(number) }] : []),
  ];
}

/** The last two parts of well-known hubs, registries and stores: clearly no namespace's, though they look alike. */
const publicHosts = new Set(
  (
    "huggingface.co hf-mirror.com modelscope.cn quay.io ghcr.io gcr.io docker.io docker.com nvcr.io icr.io azurecr.io pkg.dev " +
    "redhat.io redhat.com amazonaws.com googleapis.com windows.net github.com gitlab.com"
  ).split(" "),
);
/** A pod of a StatefulSet, which has a name of its own before its Service's: minio-0.minio.storage. */
const podName = /^[a-z]([-a-z0-9]*[a-z0-9])?-\d+$/;

function whereabouts(host: string): Whereabouts {
  const name = host.replace(/\.$/, "");
  if (/^[\d.]+$/.test(name) || name.includes(":")) return { outside: true };
  // A pod of a StatefulSet has its own name before the Service's.
  const service = /^(?:[^.]+\.)+(?<namespace>[^.]+)\.svc(?<domain>\..+)?$/.exec(name)?.groups;
  if (service) {
    const { namespace = "", domain = ".cluster.local" } = service;
    // Of a cluster with a domain of its own, or a company's host that is called so.
    return { inside: namespace, ...(domain === ".cluster.local" ? {} : { outside: true }) };
  }
  const parts = name.split(".");
  const [first = "", second] = parts;
  if (second === undefined) return { inside: "" };
  if (publicHosts.has(parts.slice(-2).join("."))) return { outside: true };
  // A pod is called like the StatefulSet, whose Service may have any name.
  const mayBeInside = parts.length === 2 || (parts.length === 3 && podName.test(first));
  return { ...(mayBeInside ? { inside: parts.at(-1) as string } : {}), outside: true };
}

function outside(host: string, privateNetworks: readonly string[]): Peer[] {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return [{ ipBlock: { cidr: `${host}/32` } }];
  if (host.includes(":")) return [{ ipBlock: { cidr: `${host}/128` } }];
  return [
    { ipBlock: { cidr: "0.0.0.0/0", except: notTheInternet.v4 } },
    { ipBlock: { cidr: "::/0", except: notTheInternet.v6 } },
    ...privateNetworks.map((cidr) => ({ ipBlock: { cidr } })),
  ];
}

/** To the cluster's DNS: pods behind its Service, and the cache that some clusters have on each node. */
export function dnsEgress(platform: Platform): Egress {
  const ports = (...numbers: number[]): Port[] =>
    numbers.flatMap((port) => [
      { protocol: "UDP", port },
      { protocol: "TCP", port },
    ]);
  if (platform === "openshift") {
    return { to: [inNamespace("openshift-dns")], ports: ports(53, 5353) };
  }
  return {
    to: [
      {
        ...inNamespace("kube-system"),
        podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
      },
      { ipBlock: { cidr: "169.254.20.10/32" } },
    ],
    ports: ports(53),
  };
}
