/** KServe's name for deployments without Knative: it changed, and older versions silently ignore the new one. */
import type { Platform } from "./security.ts";

export type DeploymentMode = "Standard" | "RawDeployment";

/** First versions that know `Standard`: OpenShift AI's own, and KServe's. */
const firstWithStandard: Readonly<Record<Platform, readonly [number, number]>> = {
  openshift: [3, 4],
  kubernetes: [0, 16],
};

/**
 * The value of `serving.kserve.io/deploymentMode`. OpenShift AI up to 3.3 contains KServe 0.15, which knows only
 * `RawDeployment`; from KServe 0.16 on a webhook rewrites that to `Standard`, and the mode of an InferenceService is immutable.
 * @param version `major.minor`: OpenShift AI's on OpenShift, KServe's elsewhere.
 */
export function deploymentMode(platform: Platform, version: string): DeploymentMode {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [firstMajor, firstMinor] = firstWithStandard[platform];
  const isNew = major > firstMajor || (major === firstMajor && minor >= firstMinor);
  return isNew ? "Standard" : "RawDeployment";
}
