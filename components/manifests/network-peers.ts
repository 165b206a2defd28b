/** Whom a network policy lets a pod talk to: the parts of its API, and what a URL means in them. */
import type { Platform } from "./security.ts";

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

export const inNamespace = (namespace: string): LabelSelector => ({
  matchLabels: { "kubernetes.io/metadata.name": namespace },
});
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
 * What a pod needs to reach a URL, or host[:port] with TLS. A Service of the cluster (`<service>.<namespace>.svc`, with or
 * without the cluster's domain, `<service>.<namespace>`, or `<service>` beside the job) is all pods of its namespace at any
 * port: policies see the port that a pod listens on, which the Service's own does not tell. Any other host is outside: every
 * public address, and those of `privateNetworks`, at the URL's port, because policies know no names.
 */
export function destination(
  url: string,
  options: { readonly privateNetworks?: readonly string[] } = {},
): Egress[] {
  const { hostname, port, protocol } = new URL(url.includes("://") ? url : `https://${url}`);
  const host = hostname.replace(/^\[|\]$/g, "");
  const where = whereabouts(host);
  const peer = where.inside ? { namespaceSelector: inNamespace(where.inside) } : { podSelector: {} };
  const number = Number(port || (protocol === "http:" ? 80 : 443));
  return [
    ...(where.inside === undefined ? [] : [{ to: [peer] }]),
    ...(where.outside ? [{ to: outside(host, options.privateNetworks ?? []), ports: tcp(number) }] : []),
  ];
}

/** Ends of public names of two parts, such as quay.io or hf-mirror.com: a country's, or one of the usual others. */
const publicEnd = /^([a-z]{2}|com|net|org|edu|gov|int|info|biz|dev|app|cloud)$/;
/** No public end has these, but for those that begin with xn--. */
const neverPublicEnd = /[-\d]/;

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
  const [, second, ...more] = name.split(".");
  if (second === undefined) return { inside: "" };
  if (more.length > 0 || publicEnd.test(second) || second.startsWith("xn--")) return { outside: true };
  return { inside: second, ...(neverPublicEnd.test(second) ? {} : { outside: true }) };
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
    return { to: [{ namespaceSelector: inNamespace("openshift-dns") }], ports: ports(53, 5353) };
  }
  return {
    to: [
      {
        namespaceSelector: inNamespace("kube-system"),
        podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
      },
      { ipBlock: { cidr: "169.254.20.10/32" } },
    ],
    ports: ports(53),
  };
}
