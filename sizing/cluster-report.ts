/** Findings about quota, limits, nodes and claims. */
import { needsCandidate } from "../rules/candidate.ts";
import {
  type Amounts,
  type ContainerDemand,
  type PodDemand,
  podAmounts,
  podCounts,
  type ServiceDemand,
  type Workloads,
} from "./demand.ts";
import { type Findings, gib, joinFindings, keyPath } from "./finding.ts";
import { limitProblems } from "./limit-range.ts";
import { allocatable, type Instance, nodesNeeded } from "./nodes.ts";
import { instanceFor } from "./placement.ts";
import { affinityAssistant } from "./platform-containers.ts";
import { formatCpu, parseQuantity } from "./quantity.ts";
import { quotaShortages } from "./quota.ts";
import { isImported, type Stack, type StackModel, serviceDemand } from "./stack.ts";

/** Checks the declared quota: entries that are too small, or that have no effect. */
export function quotaFindings(workloads: Workloads, quota: Readonly<Record<string, string>>): Findings {
  const pods = [...workloads.services, ...runPods(workloads)];
  const unlimited = pods.filter((pod) => podAmounts(pod).cpuLimit === undefined);
  const names = [...new Set(unlimited.map(({ name }) => name ?? "a pod"))].join(", ");
  return {
    errors: [
      ...quotaShortages(workloads, quota).map(
        ({ resource, given, need }) =>
          `${keyPath("project", "quota", resource)}: "${given}" must be at least ${need.quantity}: ${need.sum}`,
      ),
      ...(quota["limits.cpu"] !== undefined && unlimited.length > 0
        ? [
            `${keyPath("project", "quota", "limits.cpu")}: must be omitted: with it Kubernetes refuses containers without a CPU limit (${names})`,
          ]
        : []),
    ],
    warnings: Object.keys(quota)
      .filter((resource) => /^limits\..*\//.test(resource))
      .map(
        (resource) =>
          `${keyPath("project", "quota", resource)}: Kubernetes counts only ${resource.replace("limits.", "requests.")}`,
      ),
  };
}

const runPods = ({ runs }: Workloads): PodDemand[] =>
  runs.flatMap(({ tasks, candidate }) => [...tasks, ...(candidate ? [candidate] : [])]);

/** Checks the LimitRange's bounds against every container. `defaults` are its values for containers that set none. */
export function limitFindings(stack: Stack, workloads: Workloads, defaults: ContainerDemand): Findings {
  const parts = (pod: PodDemand) => [pod, ...(pod.initContainers ?? []), ...(pod.sidecars ?? [])];
  const own = {
    ...defaults,
    name: "a container without its own resources, such as Tekton's init containers",
  };
  const containers = [...workloads.services.flatMap(parts), ...runPods(workloads).flatMap(parts), own];
  const problems = limitProblems(stack.project.limits, [...containers, affinityAssistant]);
  return {
    errors: [
      ...problems.map(({ bound, resource, given, need, container }) => {
        const path = keyPath("project", "limits", bound, resource);
        return bound === "max"
          ? `${path}: "${given}" must be at least ${need}, the limit of ${container}`
          : `${path}: "${given}" must be at most ${need}, the request of ${container}`;
      }),
      ...stack.models.flatMap(({ serve: { cpu, cpuLimit } }, index) => {
        const path = keyPath("models", index, "serve", "cpuLimit");
        const enough = parseQuantity(cpuLimit) >= parseQuantity(cpu);
        return enough ? [] : [`${path}: "${cpuLimit}" must be at least ${cpu}, the value of serve.cpu`];
      }),
    ],
    warnings: [],
  };
}

/** Nodes of one instance type that the models need. */
export interface NodeCount {
  readonly type: string;
  readonly gpus: number;
  /** Nodes for the maximum number of replicas. */
  readonly nodes: number;
  /** Nodes during rollouts. */
  readonly rolling: number;
}

/** Maximum number of a model's pods, normally and during a rollout or while a candidate is measured. */
function podsOf(model: StackModel, service: ServiceDemand) {
  const { most, rolling } = podCounts(service);
  return { most, rolling: Math.max(rolling, most + (needsCandidate(model) ? 1 : 0)) };
}

/** Checks every GPU model against its nodes, and counts these nodes. */
export function nodeFindings(stack: Stack): Findings & { readonly counts: readonly NodeCount[] } {
  const placed = stack.models.flatMap((model, index) => {
    const accelerator = stack.accelerators[model.serve.accelerator ?? ""];
    const service = serviceDemand(model, stack);
    const amounts = podAmounts(service);
    const choice =
      accelerator && amounts.gpus > 0 ? instanceFor(accelerator, amounts.gpus, service) : undefined;
    if (!choice) return [];
    const counts = podsOf(model, service);
    return [{ index, service, amounts, type: choice[0], instance: choice[1], counts }];
  });
  const counts = [...new Map(placed.map(({ type, instance }) => [type, instance]))].map(
    ([type, instance]) => {
      const pods = (of: "most" | "rolling") =>
        placed
          .filter((each) => each.type === type)
          .flatMap(({ amounts, counts }) => Array.from({ length: counts[of] }, () => amounts));
      const nodes = (of: "most" | "rolling") => nodesNeeded(pods(of), instance);
      return { type, gpus: instance.gpus, nodes: nodes("most"), rolling: nodes("rolling") };
    },
  );
  const room = placed.map(({ index, service, amounts, type, instance }) => {
    return roomOnNode(index, service, amounts, type, instance);
  });
  const surges = placed.flatMap(({ index, type, service }) => {
    const { most, rolling } = podCounts(service);
    if (rolling === most) return [];
    const path = keyPath("models", index, "serve", "rollout");
    return [
      `${path}: a rollout of ${service.name} needs ${service.gpus} free GPUs on a ${type}; without them, old and new pod wait for each other (Recreate needs none)`,
    ];
  });
  return { ...joinFindings([...room, { errors: [], warnings: surges }]), counts };
}

/** Checks a pod against an empty node; warns if less than half a core or 5 % of the memory is left for DaemonSets. */
function roomOnNode(
  index: number,
  service: ContainerDemand,
  pod: Amounts,
  type: string,
  instance: Instance,
): Findings {
  const room = allocatable(instance);
  const check = (resource: "cpu" | "memory", show: (amount: number) => string, reserve: number) => {
    const path = keyPath("models", index, "serve", resource);
    const over = pod[resource] - room[resource];
    const sum = `the pod requests ${show(pod[resource])} of the ${show(room[resource])} that a ${type} has for pods`;
    if (over > 0) {
      const most = show(parseQuantity(service[resource]) - over);
      return { errors: [`${path}: "${service[resource]}" must be at most ${most}: ${sum}`], warnings: [] };
    }
    const close = pod[resource] > room[resource] - reserve;
    return { errors: [], warnings: close ? [`${path}: ${sum}; DaemonSets also need some of that`] : [] };
  };
  return joinFindings([check("cpu", formatCpu, 0.5), check("memory", gib, 0.05 * room.memory)]);
}

/** Warns about volumes that a model's pods cannot share, and about claims that are missing in the quota. */
export function claimFindings(stack: Stack): Findings {
  const warnings = stack.models.flatMap((model, index) => {
    const { most, rolling } = podsOf(model, serviceDemand(model, stack));
    const uri = "uri" in model.source ? model.source.uri : undefined;
    if (!isImported(model)) {
      const unknown = uri?.startsWith("pvc://") && most > 0 && !stack.project.quota["requests.storage"];
      const quota = keyPath("project", "quota", "requests.storage");
      const path = keyPath("models", index, "source", "uri");
      return unknown
        ? [
            `${path}: the computed quota does not include this claim; if it is in this namespace, set ${quota}`,
          ]
        : [];
    }
    const claim = model.package;
    if (claim.kind !== "pvc" || claim.accessMode === "ReadWriteMany" || rolling < 2) return [];
    const path = keyPath("models", index, "package", "accessMode");
    return [
      `${path}: up to ${rolling} pods of ${model.name} share ${claim.claim}, which only one node can mount (${claim.accessMode}); pods on other nodes wait`,
    ];
  });
  return { errors: [], warnings };
}
