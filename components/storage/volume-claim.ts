import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { volumeClaim } from "./manifests.ts";

/**
 * Declares a claim without waiting until it is bound: some storage classes bind only with the first pod, and for a user who may
 * not read storage classes `up` would fail after 300 s. Resources that wait for a pod report unbound claims. Deletion is still
 * awaited.
 */
export function declareClaim(
  name: string,
  manifest: ReturnType<typeof volumeClaim>,
  opts: pulumi.CustomResourceOptions,
): k8s.core.v1.PersistentVolumeClaim {
  const metadata = { ...manifest.metadata, annotations: { "pulumi.com/skipAwait": "true" } };
  return new k8s.core.v1.PersistentVolumeClaim(name, { ...manifest, metadata }, opts);
}
