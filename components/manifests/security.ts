/** Security contexts of the "restricted" Pod Security Standard. */

export type Platform = "openshift" | "kubernetes";

/** Group of volume files; OpenShift assigns one of the namespace's range itself. */
const volumeGroup = 1000;

/** For a pod. The image names the user (a number), except on OpenShift, which assigns one. */
export function restrictedPod(platform: Platform) {
  return {
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
    ...(platform === "kubernetes" ? { fsGroup: volumeGroup } : {}),
  };
}

/** For each container of a pod. */
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
};
