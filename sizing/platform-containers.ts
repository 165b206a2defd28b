/** Resources of the containers that the platform adds to the configured ones. */
import type { ContainerDemand } from "./demand.ts";

/** The pod with which Tekton keeps a run's tasks on the node of their volume (reconciler/pipelinerun/affinity_assistant.go, 1.6). */
export const affinityAssistant: ContainerDemand = {
  name: "Tekton's affinity assistant",
  cpu: "50m",
  cpuLimit: "50m",
  memory: "100Mi",
  memoryLimit: "100Mi",
};

/**
 * KServe's init container that fetches s3:// models (ConfigMap inferenceservice-config, storageInitializer). On OpenShift AI its
 * memory limit is 24Gi, which counts for the pod even if the model needs less
 * (opendatahub-io/kserve, config/overlays/odh/patches/inferenceservice-config-patch.yaml).
 */
export function storageInitializer(platform: "openshift" | "kubernetes"): ContainerDemand {
  return {
    name: "KServe's storage initializer",
    cpu: "100m",
    cpuLimit: "1",
    memory: "100Mi",
    memoryLimit: platform === "openshift" ? "24Gi" : "1Gi",
  };
}

/**
 * The sidecar that holds an oci:// model (same ConfigMap). An init container of the same size does not count, because it never
 * exceeds this container and the server together.
 */
export const modelcar: ContainerDemand = {
  name: "KServe's modelcar container",
  cpu: "10m",
  cpuLimit: "10m",
  memory: "15Mi",
  memoryLimit: "15Mi",
};

/** OpenShift AI's proxy in front of models that require a token (same ConfigMap, oauthProxy). */
export const authProxy: ContainerDemand = {
  name: "OpenShift AI's kube-rbac-proxy",
  cpu: "100m",
  cpuLimit: "200m",
  memory: "64Mi",
  memoryLimit: "128Mi",
};

/** AnythingLLM, a Node.js server with an embedding model. These are assumptions, not measurements. */
export const chatInterface = {
  name: "anything-llm",
  cpu: "250m",
  cpuLimit: "2",
  memory: "1Gi",
  memoryLimit: "2Gi",
  rollout: "Recreate",
} as const;

/** Istio's proxy, if the namespace is part of a mesh (istio/istio, Helm values global.proxy.resources). */
export const meshProxy: ContainerDemand = {
  name: "Istio's proxy",
  cpu: "100m",
  cpuLimit: "2",
  memory: "128Mi",
  memoryLimit: "1Gi",
};

/** The init container of mode deployment, which copies a model image to the cache volume. */
export const modelFetcher: ContainerDemand = {
  name: "the container that fetches the model",
  cpu: "100m",
  cpuLimit: "1",
  memory: "128Mi",
  memoryLimit: "512Mi",
};
