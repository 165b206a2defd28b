/**
 * What a container gets that says nothing about itself, such as Tekton's init containers. `cpuLimit` only where the quota
 * counts limits.cpu, because it then refuses containers without one.
 */
export const containerDefaults = { cpu: "50m", cpuLimit: "1", memory: "64Mi", memoryLimit: "256Mi" };
