import { at, equal, isObject, type Properties } from "../properties.ts";
import { withCanonicalQuantities } from "./quantity.ts";

/** Whether an object is ready, and why not. `failed` means that waiting is in vain. */
export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly message: string; readonly failed?: boolean };

const READY: Readiness = { ready: true };
const waiting = (message: string): Readiness => ({ ready: false, message });
const failed = (message: string): Readiness => ({ ready: false, message, failed: true });

/** The condition `type` of an object's status. */
export function condition(object: Properties, type: string): Properties | undefined {
  const conditions = at(object, "status", "conditions");
  return Array.isArray(conditions) ? conditions.find((entry) => entry.type === type) : undefined;
}

/** Whether the object's controller has seen its current specification. */
export function isObserved(object: Properties): boolean {
  const observed = at(object, "status", "observedGeneration");
  return observed === undefined || Number(observed) >= Number(at(object, "metadata", "generation"));
}

/** Ready when all replicas run the current template and are available. */
export function deploymentReadiness(deployment: Properties, pods: readonly Properties[]): Readiness {
  const observed = at(deployment, "status", "observedGeneration");
  if (observed === undefined || !isObserved(deployment)) return waiting("the rollout has not started");
  const count = (field: string) => Number(at(deployment, "status", field) ?? 0);
  const wanted = Number(at(deployment, "spec", "replicas") ?? 1);
  const [updated, available] = [count("updatedReplicas"), count("availableReplicas")];
  if (updated >= wanted && available >= wanted && count("replicas") === updated) return READY;
  const reasons = podProblems(pods);
  const message = [`${available} of ${wanted} replicas available, ${updated} updated`, ...reasons].join("; ");
  const progressing = condition(deployment, "Progressing");
  return progressing?.status === "False" ? failed(`${progressing.message}; ${message}`) : waiting(message);
}

/** Why pods do not run: not schedulable, or a container that waits or has ended. One line for each pod. */
export function podProblems(pods: readonly Properties[]): string[] {
  return pods.flatMap((pod) => {
    const name = at(pod, "metadata", "name");
    const scheduled = condition(pod, "PodScheduled");
    if (scheduled?.status === "False") return [`pod ${name}: ${scheduled.reason}: ${scheduled.message}`];
    const statuses = ["initContainerStatuses", "containerStatuses"].flatMap(
      (field) => (at(pod, "status", field) ?? []) as Properties[],
    );
    return statuses.flatMap((container) => {
      const state = at(container, "state", "waiting") ?? at(container, "state", "terminated");
      if (!isObject(state) || state.exitCode === 0 || state.reason === "ContainerCreating") return [];
      if (state.reason === "PodInitializing") return [];
      const exit = at(container, "lastState", "terminated", "exitCode") ?? state.exitCode;
      const details = [state.message, exit === undefined ? undefined : `exit code ${exit}`].filter(Boolean);
      return [[`pod ${name}, container ${container.name}: ${state.reason}`, ...details].join(": ")];
    });
  });
}

/** Ready when bound, or when it waits for its first consumer. */
export function claimReadiness(claim: Properties, waitsForConsumer: boolean): Readiness {
  const phase = at(claim, "status", "phase");
  if (phase === "Bound" || (phase === "Pending" && waitsForConsumer)) return READY;
  return phase === "Lost" ? failed("its volume is lost") : waiting(`phase ${phase ?? "unknown"}`);
}

/** Ready when the quota controller has taken over the limits. */
export function quotaReadiness(quota: Properties): Readiness {
  const { spec, status } = withCanonicalQuantities("ResourceQuota", quota);
  return equal(at(spec, "hard") ?? {}, at(status, "hard") ?? {})
    ? READY
    : waiting("the quota is not in force yet");
}

/** Ready when there is an address behind the service, unless others give it its addresses. */
export function serviceReadiness(service: Properties, slices: readonly Properties[]): Readiness {
  const selector = at(service, "spec", "selector");
  const type = at(service, "spec", "type");
  const hasSelector = isObject(selector) && Object.keys(selector).length > 0;
  if (type === "LoadBalancer" && !at(service, "status", "loadBalancer", "ingress", 0)) {
    return waiting("the load balancer has no address yet");
  }
  if (type === "ExternalName" || !hasSelector) return READY;
  const endpoints = slices.flatMap((slice) => (slice.endpoints ?? []) as Properties[]);
  return endpoints.some((endpoint) => at(endpoint, "conditions", "ready") !== false)
    ? READY
    : waiting("no ready pod matches its selector");
}

/**
 * Ready when a load balancer has given it an address and each Service that it names has endpoints, ready or not; one of type
 * ExternalName needs none. `related`: the namespace's Services and EndpointSlices.
 */
export function ingressReadiness(ingress: Properties, related: readonly Properties[]): Readiness {
  const rules = (at(ingress, "spec", "rules") ?? []) as Properties[];
  const paths = rules.flatMap((rule) => (at(rule, "http", "paths") ?? []) as Properties[]);
  const names = paths.map((path) => at(path, "backend", "service", "name")).filter(Boolean);
  const known = new Set(
    related.flatMap((object) =>
      at(object, "spec", "type") === "ExternalName"
        ? [at(object, "metadata", "name")]
        : [at(object, "metadata", "labels", "kubernetes.io/service-name")],
    ),
  );
  const missing = names.find((name) => !known.has(name));
  if (missing !== undefined) return waiting(`Service ${missing} has no endpoints`);
  return at(ingress, "status", "loadBalancer", "ingress", 0)
    ? READY
    : waiting("no load balancer has given it an address yet");
}

/** Ready when complete. */
export function jobReadiness(job: Properties, pods: readonly Properties[]): Readiness {
  if (condition(job, "Complete")?.status === "True") return READY;
  const failure = condition(job, "Failed");
  const reasons = podProblems(pods);
  if (failure?.status === "True") {
    return failed([`${failure.reason}: ${failure.message}`, ...reasons].join("; "));
  }
  return waiting(["the job has not completed", ...reasons].join("; "));
}

/** Parses the annotation `pulumi.com/waitFor`: one condition or a JSON array of conditions that must all hold. */
export function waitForReadiness(expression: string): (object: Properties) => Readiness {
  const expressions = expression.startsWith("[") ? (JSON.parse(expression) as string[]) : [expression];
  const checks = expressions.map((text) => ({ text, holds: parseWaitFor(text) }));
  return (object) => {
    const missing = checks.find(({ holds }) => !isObserved(object) || !holds(object));
    return missing ? waiting(`waiting for ${missing.text}`) : READY;
  };
}

function parseWaitFor(text: string): (object: Properties) => boolean {
  const [, type, status = "True"] = /^condition=([^=]+)(?:=(.+))?$/.exec(text) ?? [];
  if (type !== undefined) {
    return (object) => String(condition(object, type)?.status).toLowerCase() === status.toLowerCase();
  }
  const [, path, value] = /^jsonpath=\{((?:\.[\w-]+)+)\}(?:=(.+))?$/.exec(text) ?? [];
  if (path !== undefined) {
    const keys = path.slice(1).split(".");
    return (object) => {
      const found = at(object, ...keys);
      return value === undefined ? found !== undefined : String(found) === value;
    };
  }
  throw new Error(
    `pulumi.com/waitFor: ${JSON.stringify(text)}: the stand-in knows condition=Type[=Status] and ` +
      "jsonpath={.field.field}[=value] only",
  );
}
