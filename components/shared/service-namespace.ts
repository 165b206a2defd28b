/** What namespaces of services beside the project have in common. */
import type { Peer } from "../access/network-peers.ts";

/** No project of the dashboard, and no pod in it has any privilege. */
export function serviceNamespace(name: string) {
  return { metadata: { name, labels: { "pod-security.kubernetes.io/enforce": "restricted" } } };
}

/** All pods of a namespace, for network policies. */
export const inNamespace = (name: string): Peer => ({
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
});

/** OpenShift's routers, for network policies: in pods of their own, or on the host's network. */
export const openShiftRouters: Peer[] = [
  { namespaceSelector: { matchLabels: { "network.openshift.io/policy-group": "ingress" } } },
  {
    namespaceSelector: { matchLabels: { "policy-group.network.openshift.io/ingress": "" } },
    podSelector: {},
  },
];
