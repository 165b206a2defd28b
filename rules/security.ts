/** Security contexts of the "restricted" Pod Security Standard. */

export type Platform = "openshift" | "kubernetes";

/** User of model servers, and group of volume files; OpenShift assigns both from the namespace's range. */
const [user, volumeGroup] = [1000, 1000];

/** Security context of a pod. The image sets the user (a number), except on OpenShift, which assigns one. */
export function restrictedPod(platform: Platform) {
  return {
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
    ...(platform === "kubernetes" ? { fsGroup: volumeGroup } : {}),
  };
}

/**
 * Security context of a pod that serves a model. Its images may run as root (vLLM's, a ModelCar's base), and the server reads
 * a ModelCar's files through /proc, which the kernel allows only for the same user and group; so the pod sets both, as
 * OpenShift does. The files of such images belong to group 0.
 */
export function modelPod(platform: Platform) {
  return {
    ...restrictedPod(platform),
    ...(platform === "kubernetes" ? { runAsUser: user, runAsGroup: 0 } : {}),
  };
}

/** Security context of each container. */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
};
