import { equal, isUnknown, type Properties, plainObject } from "../properties.ts";
import type { CheckResult, DiffResult } from "../provider.ts";
import { type ClusterConfig, loadKubeConfig } from "./client.ts";

/** The provider's arguments. */
export interface ProviderConfig extends ClusterConfig {
  /** The namespace of objects that name none; else the namespace of the context. */
  readonly namespace?: string;
  readonly enableSecretMutable: boolean;
  readonly enableConfigMapMutable: boolean;
  readonly enablePatchForce: boolean;
}

const SUPPORTED = new Set([
  "kubeconfig",
  "context",
  "cluster",
  "namespace",
  "clusterIdentifier",
  "enableServerSideApply",
  "enableSecretMutable",
  "enableConfigMapMutable",
  "enablePatchForce",
  "suppressDeprecationWarnings",
]);

/** Refuses arguments that the stand-in does not know, and client-side apply. */
export function checkConfig(inputs: Properties): CheckResult {
  const failures = Object.keys(inputs)
    .filter((name) => !SUPPORTED.has(name) && name !== "version")
    .map((property) => ({
      property,
      reason: "the stand-in for the Kubernetes provider does not know this argument",
    }));
  if (inputs.enableServerSideApply !== undefined && !isTrue(inputs.enableServerSideApply)) {
    failures.push({ property: "enableServerSideApply", reason: "the stand-in always applies on the server" });
  }
  return { inputs, failures };
}

/** The arguments as Configure gets them. */
export function parseConfig(config: Properties): ProviderConfig {
  const text = (name: string) => {
    const value = config[name];
    return typeof value === "string" && value ? { [name]: value } : {};
  };
  return {
    ...text("kubeconfig"),
    ...text("context"),
    ...text("cluster"),
    ...text("namespace"),
    enableSecretMutable: isTrue(config.enableSecretMutable),
    enableConfigMapMutable: isTrue(config.enableConfigMapMutable),
    enablePatchForce: isTrue(config.enablePatchForce),
  };
}

// The SDK sends what is no string as JSON text.
function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}

/**
 * A change of the cluster replaces the provider, and so everything in it. `clusterIdentifier`, where it is set before
 * and after, decides that alone; else the active cluster of the kubeconfig does.
 */
export async function diffConfig(oldInputs: Properties, newInputs: Properties): Promise<DiffResult> {
  const [olds, news] = [plainObject(oldInputs), plainObject(newInputs)];
  const names = [...SUPPORTED].filter((name) => !equal(olds[name], news[name]));
  const replaced = new Set<string>();
  if (olds.clusterIdentifier !== undefined && news.clusterIdentifier !== undefined) {
    if (names.includes("clusterIdentifier")) replaced.add("clusterIdentifier");
  } else {
    const cluster = names.filter((name) => ["kubeconfig", "context", "cluster"].includes(name));
    const isUnsure = cluster.some((name) => isUnknown(news[name]));
    if (cluster.length > 0 && (isUnsure || (await activeCluster(olds)) !== (await activeCluster(news)))) {
      for (const name of cluster) replaced.add(name);
    }
  }
  return { changes: new Map(names.map((name) => [name, { kind: "update", replace: replaced.has(name) }])) };
}

async function activeCluster(config: Properties): Promise<string | undefined> {
  try {
    return JSON.stringify((await loadKubeConfig(parseConfig(config))).getCurrentCluster());
  } catch {
    // A kubeconfig that is gone names no cluster.
    return undefined;
  }
}
