/** Security contexts of the "restricted" Pod Security Standard. */

export type Platform = "openshift" | "kubernetes";

/** User of model servers, and group of volume files; OpenShift assigns both from the namespace's range itself. */
const [user, volumeGroup] = [1000, 1000];

/** For a pod. The image names the user (a number), except on OpenShift, which assigns one. */
export function restrictedPod(platform: Platform) {
  return {
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
    ...(platform === "kubernetes" ? { fsGroup: volumeGroup } : {}),
  };
}

/**
 * For a pod that serves a model. Its images may be of root (vLLM's own, a ModelCar's base), and a server reads a ModelCar's
 * files through /proc, which the kernel allows to the same user and group only; so the pod says both, as OpenShift does.
 * Group 0 is the one that such images give their files to.
 */
export function modelPod(platform: Platform) {
  return {
    ...restrictedPod(platform),
    ...(platform === "kubernetes" ? { runAsUser: user, runAsGroup: 0 } : {}),
  };
}

/** For each container of a pod. */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
};
