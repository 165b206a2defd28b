/** Containers that stand beside or before the one that config describes, with their resources. */
import type { ContainerDemand } from "./demand.ts";

/** The pod by which Tekton keeps a run's tasks on the node of their volume (reconciler/pipelinerun/affinity_assistant.go, 1.6). */
export const affinityAssistant: ContainerDemand = {
  name: "Tekton's affinity assistant",
  cpu: "50m",
  cpuLimit: "50m",
  memory: "100Mi",
  memoryLimit: "100Mi",
};

/**
 * KServe's init container that fetches s3:// models (configmap inferenceservice-config, storageInitializer). OpenShift AI
 * lets it take 24Gi of memory, so the pod counts with that much even where the model itself needs less
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
 * The container that holds an oci:// model beside its server (same configmap). One like it checks the model before; it is
 * never more than this one and the server together.
 */
export const modelcar: ContainerDemand = {
  name: "KServe's modelcar container",
  cpu: "10m",
  cpuLimit: "10m",
  memory: "15Mi",
  memoryLimit: "15Mi",
};

/** OpenShift AI's proxy before models that ask for a token (same configmap, oauthProxy). */
export const authProxy: ContainerDemand = {
  name: "OpenShift AI's kube-rbac-proxy",
  cpu: "100m",
  cpuLimit: "200m",
  memory: "64Mi",
  memoryLimit: "128Mi",
};

/** AnythingLLM, a Node.js server with an embedding model beside it. An assumption: its image could not be run here. */
export const chatInterface = {
  name: "anything-llm",
  cpu: "250m",
  cpuLimit: "2",
  memory: "1Gi",
  memoryLimit: "2Gi",
  rollout: "Recreate",
} as const;

/** Istio's proxy, where the namespace is part of a mesh (istio/istio, Helm values global.proxy.resources). */
export const meshProxy: ContainerDemand = {
  name: "Istio's proxy",
  cpu: "100m",
  cpuLimit: "2",
  memory: "128Mi",
  memoryLimit: "1Gi",
};

/** The init container of mode deployment, which brings a model image onto the cache's volume. */
export const modelFetcher: ContainerDemand = {
  name: "the container that fetches the model",
  cpu: "100m",
  cpuLimit: "1",
  memory: "128Mi",
  memoryLimit: "512Mi",
};
