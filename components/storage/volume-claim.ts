import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { volumeClaim } from "./manifests.ts";

/**
 * Declares a claim without waiting until it is bound: some classes bind with the first pod, and a user who may not read
 * classes would see `up` fail after 300 s. Whoever waits for a pod says which of its claims is not bound. Deletion is awaited
 * all the same.
 */
export function declareClaim(
  name: string,
  manifest: ReturnType<typeof volumeClaim>,
  opts: pulumi.CustomResourceOptions,
): k8s.core.v1.PersistentVolumeClaim {
  const metadata = { ...manifest.metadata, annotations: { "pulumi.com/skipAwait": "true" } };
  return new k8s.core.v1.PersistentVolumeClaim(name, { ...manifest, metadata }, opts);
}
