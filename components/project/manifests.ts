/** The namespace of pipelines and models, its quota and its limits. */
import { containerDefaults } from "../../rules/container-defaults.ts";
import type { LimitBounds } from "../../sizing/limit-range.ts";
import { parseQuantity } from "../../sizing/quantity.ts";

export const names = {
  quota: "ai-workload-quota",
  limits: "ai-workload-limits",
} as const;

/** Level of the Pod Security Standards that admission enforces; the level for warnings and audit is always `restricted`. */
export type PodSecurityLevel = "baseline" | "restricted";

export function namespace(name: string, enforce: PodSecurityLevel) {
  return {
    metadata: {
      name,
      labels: {
        "opendatahub.io/dashboard": "true",
        "modelmesh-enabled": "false",
        "pod-security.kubernetes.io/enforce": enforce,
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/audit": "restricted",
      },
    },
  };
}

export function resourceQuota(namespace: string, hard: Readonly<Record<string, string>>) {
  return { metadata: { name: names.quota, namespace }, spec: { hard: { ...hard } } };
}

/**
 * Defaults for containers that set no resources, and bounds for all. A default outside a bound becomes that bound, because
 * Kubernetes rejects a LimitRange that contradicts itself.
 */
export function limitRange(
  namespace: string,
  bounds: LimitBounds = {},
  quota: Readonly<Record<string, string>> = {},
) {
  const { max = {}, min = {} } = bounds;
  const between = (resource: "cpu" | "memory", quantity: string) => {
    const { [resource]: most } = max;
    const { [resource]: least } = min;
    if (most && parseQuantity(quantity) > parseQuantity(most)) return most;
    if (least && parseQuantity(quantity) < parseQuantity(least)) return least;
    return quantity;
  };
  const { cpu, cpuLimit, memory, memoryLimit } = containerDefaults;
  const item = {
    type: "Container",
    defaultRequest: { cpu: between("cpu", cpu), memory: between("memory", memory) },
    default: {
      ...("limits.cpu" in quota ? { cpu: between("cpu", cpuLimit) } : {}),
      memory: between("memory", memoryLimit),
    },
    ...(hasAny(max) ? { max: stated(max) } : {}),
    ...(hasAny(min) ? { min: stated(min) } : {}),
  };
  return { metadata: { name: names.limits, namespace }, spec: { limits: [item] } };
}

type Bound = NonNullable<LimitBounds["max"]>;
const hasAny = (bound: Bound) => Object.values(bound).some((quantity) => quantity !== undefined);
const stated = (bound: Bound): Record<string, string> =>
  Object.fromEntries(Object.entries(bound).filter(([, quantity]) => quantity !== undefined));
