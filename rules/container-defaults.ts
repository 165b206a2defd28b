/**
 * Resources of containers that set none, such as Tekton's init containers. `cpuLimit` applies only if the quota counts
 * limits.cpu, because it then refuses containers without one.
 */
export const containerDefaults = { cpu: "50m", cpuLimit: "1", memory: "64Mi", memoryLimit: "256Mi" };
