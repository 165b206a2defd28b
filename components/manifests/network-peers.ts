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

/**
 * The peers and ports of a URL, or of host[:port] with TLS. `<service>.<namespace>.svc[.cluster.local]` is a namespace;
 * its pods' ports are `podPorts`, else the URL's own and, for 80 and 443, also the usual 8080 and 8443 behind them. A name
 * without dots is a Service of the job's own namespace. Any other host is outside: every public address, and those of
 * `privateNetworks`, at the URL's port, because policies know no names.
 */
export function destination(
  url: string,
  options: { readonly privateNetworks?: readonly string[]; readonly podPorts?: readonly number[] } = {},
): { readonly to: Peer[]; readonly ports: Port[] } {
  const { hostname, port, protocol } = new URL(url.includes("://") ? url : `https://${url}`);
  const host = hostname.replace(/^\[|\]$/g, "");
  const number = Number(port || (protocol === "http:" ? 80 : 443));
  const inside = /^[^.]+\.(?<namespace>[^.]+)\.svc(\.cluster\.local)?\.?$/.exec(host)?.groups?.namespace;
  if (inside !== undefined || /^[a-z][^.:]*$/.test(host)) {
    const behind = { 80: [80, 8080], 443: [443, 8443] }[number] ?? [number];
    const peer = inside ? { namespaceSelector: inNamespace(inside) } : { podSelector: {} };
    return { to: [peer], ports: tcp(...(options.podPorts ?? behind)) };
  }
  return { to: outside(host, options.privateNetworks ?? []), ports: tcp(number) };
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
