/** Network policies of chat UIs. They select by component, so they also cover a UI that a pipeline run deployed. */

import type { Network } from "../../plan/network.ts";
import {
  destination,
  dnsEgress,
  inNamespace,
  type NetworkPolicy,
  openShiftRouters,
  type Peer,
  tcp,
} from "../access/network-peers.ts";
import { modelPods, modelPorts } from "../access/network-policies.ts";
import { chatPods, chatPort } from "./manifests.ts";

/** Users reach the UI; the UI reaches models, and the hub, from which it downloads its embedding model. */
export function chatPolicies(namespace: string, network: Network): NetworkPolicy[] {
  const { platform, urls, privateNetworks = [], callers = [], open } = network;
  const from: Peer[] = [...callers.map(inNamespace), ...(platform === "openshift" ? openShiftRouters : [])];
  return [
    {
      metadata: { name: "chat-interface", namespace },
      spec: {
        podSelector: chatPods,
        policyTypes: ["Ingress", "Egress"],
        ...(open || from.length > 0
          ? { ingress: [{ ...(open ? {} : { from }), ports: tcp(chatPort) }] }
          : {}),
        egress: [
          dnsEgress(platform),
          { to: [{ podSelector: modelPods() }], ports: modelPorts },
          ...(urls.hub ? destination(urls.hub, { privateNetworks }) : []),
        ],
      },
    },
    {
      metadata: { name: "serve-chat-interface", namespace },
      spec: {
        podSelector: modelPods(),
        policyTypes: ["Ingress"],
        ingress: [{ from: [{ podSelector: chatPods }], ports: modelPorts }],
      },
    },
  ];
}
