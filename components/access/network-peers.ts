/** Types of the NetworkPolicy API, and the egress rules that a URL needs. */
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

/** All pods of a namespace except those on the host network. */
export const inNamespace = (namespace: string): Peer => ({
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
});

/** All pods of the namespaces with an OpenShift label, including those on the host network. */
export const openShiftGroup = (label: string): Peer => ({
  namespaceSelector: { matchLabels: { [label]: "" } },
  podSelector: {},
});

/** OpenShift's routers, on the pod network or on the host network. */
export const openShiftRouters: Peer[] = [
  { namespaceSelector: { matchLabels: { "network.openshift.io/policy-group": "ingress" } } },
  openShiftGroup("policy-group.network.openshift.io/ingress"),
];

/** Address ranges that are not public, among them the clouds' metadata service, which hands out credentials. */
const notTheInternet = {
  v4: ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
  v6: ["fc00::/7", "fe80::/10"],
};

/** Whether a host is inside the cluster. Both if the name does not tell; then both are allowed. */
interface Whereabouts {
  /** Namespace of a Service in the cluster; "" for the pod's own. */
  readonly inside?: string;
  readonly outside?: true;
}

/**
 * The egress rules that a pod needs to reach a URL, or host[:port] with TLS. For a Service in the cluster, all pods of its
 * namespace at any port: policies match the port that the pod listens on, which may differ from the Service's. For a host
 * outside, every public address and `privateNetworks` at the URL's port, because policies match no names. How a name is classified:
 *
 * - `<service>` (in the pod's namespace) and `….<service>.<namespace>.svc[.cluster.local]`: a Service;
 * - an address, a well-known public host, or a name of three or more parts: outside, unless it has three parts and the first
 *   is the name of a StatefulSet's pod (ends in a number);
 * - `<service>.<namespace>`, `<pod>.<service>.<namespace>`, and `….svc` with another domain: ambiguous, so both are allowed.
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

/** Domains of well-known hubs, registries and stores, which would otherwise look like `<service>.<namespace>`. */
const publicHosts = new Set(
  (
    "huggingface.co hf-mirror.com modelscope.cn quay.io ghcr.io gcr.io docker.io docker.com nvcr.io icr.io azurecr.io pkg.dev " +
    "redhat.io redhat.com amazonaws.com googleapis.com windows.net github.com gitlab.com"
  ).split(" "),
);
/** Name of a StatefulSet's pod, which precedes the Service's name: minio-0.minio.storage. */
const podName = /^[a-z]([-a-z0-9]*[a-z0-9])?-\d+$/;

function whereabouts(host: string): Whereabouts {
  const name = host.replace(/\.$/, "");
  if (/^[\d.]+$/.test(name) || name.includes(":")) return { outside: true };
  const service = /^(?:[^.]+\.)+(?<namespace>[^.]+)\.svc(?<domain>\..+)?$/.exec(name)?.groups;
  if (service) {
    const { namespace = "", domain = ".cluster.local" } = service;
    // A cluster with a custom domain, or a company's host with that name.
    return { inside: namespace, ...(domain === ".cluster.local" ? {} : { outside: true }) };
  }
  const parts = name.split(".");
  const [first = "", second] = parts;
  if (second === undefined) return { inside: "" };
  if (publicHosts.has(parts.slice(-2).join("."))) return { outside: true };
  // The pod is named after its StatefulSet, and the Service may have any name.
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

/** Egress to the cluster's DNS: the pods behind its Service, and the node-local cache that some clusters have. */
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
