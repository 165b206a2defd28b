/** The namespace of pipelines and models, and what may run there. */

export const names = {
  quota: "ai-workload-quota",
  limits: "ai-workload-limits",
  pipelineAccount: "modelcar-pipeline",
  servingAccount: "modelcar-serving",
} as const;

/** What a container gets that says nothing about itself, such as Tekton's init containers. */
export const containerDefaults = { cpu: "50m", memory: "64Mi", memoryLimit: "256Mi" };

/** Level of the Pod Security Standards that admission enforces; `restricted` is always warned about and audited. */
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

export function resourceQuota(namespace: string, hard: Record<string, string>) {
  return { metadata: { name: names.quota, namespace }, spec: { hard } };
}

export function limitRange(namespace: string) {
  const { cpu, memory, memoryLimit } = containerDefaults;
  return {
    metadata: { name: names.limits, namespace },
    spec: {
      limits: [{ type: "Container", defaultRequest: { cpu, memory }, default: { memory: memoryLimit } }],
    },
  };
}

/** An account without a token in its pods: nothing that runs here calls the Kubernetes API. */
export function serviceAccount(namespace: string, name: string, secrets: readonly string[] = []) {
  return {
    metadata: { name, namespace },
    automountServiceAccountToken: false,
    ...(secrets.length > 0 ? { secrets: secrets.map((secret) => ({ name: secret })) } : {}),
  };
}
