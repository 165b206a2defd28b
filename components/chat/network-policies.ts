/** Network policies of chat UIs. They select by component, so that a UI that a pipeline run deployed is under them too. */

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

/** The UI reaches models and the hub, which it has its embedding model from, and users reach it; models let it in. */
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
