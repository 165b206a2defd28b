/**
 * Network policies: no connection is allowed unless a job.yaml declares it. Policies match the port of the pod behind a
 * Service, not the Service's own; ports here are those that containers listen on. Where it is unknown, any port is allowed.
 */

import type { Destination } from "../../pipelines/jobs.ts";
import { taskJob, tasksReaching } from "../../pipelines/jobs.ts";
import type { Network, ServedModel } from "../../plan/network.ts";
import {
  destination,
  dnsEgress,
  type Egress,
  inNamespace,
  type LabelSelector,
  type NetworkPolicy,
  openShiftGroup,
  openShiftRouters,
  type Peer,
  tcp,
} from "./network-peers.ts";

/** Ports of model servers: vLLM's, and that of OpenShift AI's proxy in front of it. */
export const modelPorts = tcp(8080, 8443);
/** Port of API servers; policies match this one, not port 443 of the Service `kubernetes`. */
const apiServerPorts = tcp(6443);
const istiodPorts = tcp(15012);
const istioMetricsPorts = tcp(15020, 15090);

const taskPods = (...tasks: string[]): LabelSelector =>
  tasks.length === 1
    ? { matchLabels: { "tekton.dev/task": tasks[0] as string } }
    : { matchExpressions: [{ key: "tekton.dev/task", operator: "In", values: tasks }] };
const modelServer = { "app.kubernetes.io/component": "model-server" };
/** Pods that serve the given models; all models by default. */
export const modelPods = (models?: readonly ServedModel[]): LabelSelector => ({
  matchLabels: modelServer,
  ...(models
    ? {
        matchExpressions: [
          { key: "app.kubernetes.io/name", operator: "In", values: models.map(({ name }) => name) },
        ],
      }
    : {}),
});

/** All policies of the project's namespace: the default deny, one for each task, and those of the models. */
export function projectPolicies(
  namespace: string,
  network: Network,
  tasks: readonly string[],
  models: readonly ServedModel[],
): NetworkPolicy[] {
  return [
    ...(network.defaultDeny ? [defaultDeny(namespace)] : []),
    ...tasks.map((task) => {
      const { reaches, resolvesNames = reaches.length > 0 } = taskJob(task);
      return closed(namespace, task, taskPods(task), egress(network, reaches, resolvesNames));
    }),
    ...modelPolicies(namespace, network, models),
  ];
}

/** Denies every connection to and from any pod, unless another policy allows it. */
export function defaultDeny(namespace: string): NetworkPolicy {
  return closed(namespace, "default-deny", {}, []);
}

function closed(
  namespace: string,
  name: string,
  podSelector: LabelSelector,
  egress: Egress[],
): NetworkPolicy {
  return {
    metadata: { name, namespace },
    spec: { podSelector, policyTypes: ["Ingress", "Egress"], ...(egress.length > 0 ? { egress } : {}) },
  };
}

function egress(network: Network, reaches: readonly Destination[], resolvesNames: boolean): Egress[] {
  const { platform, urls, imageRegistries, privateNetworks = [], apiServer = [] } = network;
  const rules = reaches.flatMap((name): Egress[] => {
    if (name === "models") return [{ to: [{ podSelector: modelPods() }], ports: modelPorts }];
    if (name === "kubernetesApi") {
      // API servers are not pods that a policy could select, only addresses.
      const to = apiServer.map((cidr) => ({ ipBlock: { cidr } }));
      return [{ ...(to.length > 0 ? { to } : {}), ports: apiServerPorts }];
    }
    if (name === "imageRegistry")
      return imageRegistries.flatMap((url) => destination(url, { privateNetworks }));
    const url = urls[name];
    return url === undefined ? [] : destination(url, { privateNetworks });
  });
  // Policies match no names, so all public hosts with the same port are one rule.
  const distinct = [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
  return [...(resolvesNames ? [dnsEgress(platform)] : []), ...distinct];
}

/** Callers reach every model; a model reaches only the place that it is downloaded from, never another model. */
function modelPolicies(namespace: string, network: Network, models: readonly ServedModel[]): NetworkPolicy[] {
  const { platform, callers = [], open, apiServer = [], mesh, privateNetworks = [] } = network;
  if (models.length === 0) return [];
  const monitoring: Peer = {
    namespaceSelector: { matchLabels: { "network.openshift.io/policy-group": "monitoring" } },
  };
  const from: Peer[] = [
    { podSelector: taskPods(...tasksReaching("models")) },
    ...callers.map(inNamespace),
    ...apiServer.map((cidr) => ({ ipBlock: { cidr } })),
    ...(platform === "openshift"
      ? [
          ...openShiftRouters,
          // The API server's proxy, through which Readiness probes a model.
          openShiftGroup("policy-group.network.openshift.io/host-network"),
          monitoring,
        ]
      : []),
  ];
  const server: NetworkPolicy = {
    metadata: { name: "serve-model", namespace },
    spec: {
      podSelector: modelPods(),
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        { ...(open ? {} : { from }), ports: modelPorts },
        ...(mesh
          ? [
              {
                from: [...(platform === "openshift" ? [monitoring] : []), ...callers.map(inNamespace)],
                ports: istioMetricsPorts,
              },
            ]
          : []),
      ],
      ...(mesh ? { egress: [dnsEgress(platform), { ports: istiodPorts }] } : {}),
    },
  };
  const outgoing = (name: string, served: readonly ServedModel[], rules: Egress[]): NetworkPolicy => ({
    metadata: { name, namespace },
    spec: { podSelector: modelPods(served), policyTypes: ["Egress"], egress: rules },
  });
  const shared = (["objectStore", "kubernetesApi"] as const).flatMap((name) => {
    const served = models.filter(({ reaches }) => reaches.includes(name));
    const rules = egress(network, [name], true);
    return served.length > 0 ? [outgoing(`serve-model-${policySuffix[name]}`, served, rules)] : [];
  });
  const own = models.flatMap((model) => {
    if (model.registry === undefined) return [];
    const rules = [dnsEgress(platform), ...destination(model.registry, { privateNetworks })];
    return [outgoing(registryPolicyName(model.name), [model], rules)];
  });
  return [server, ...shared, ...own];
}

/** Name of the policy for a model that its pods pull from a registry; the only kind of policy for a single model. */
export const registryPolicyName = (model: string): string => `serve-model-registry-${model}`;

/** Object names must be lower-case. */
const policySuffix = {
  objectStore: "object-store",
  kubernetesApi: "kubernetes-api",
} as const;
