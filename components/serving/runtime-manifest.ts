/** KServe's ServingRuntime: one for all models with the same vLLM build. */
import type { Count } from "../../rules/given.ts";
import { port, type RuntimeSpec, vllmContainer, vllmVolumes } from "./vllm.ts";

/** Name that KServe gives the model server's container. */
export const servingContainer = "kserve-container";

/** The only format of {@link servingRuntime}. */
export const modelFormat = { name: "vLLM" };

const dashboard = {
  "vllm-cuda": {
    "openshift.io/display-name": "vLLM NVIDIA GPU ServingRuntime for KServe",
    "opendatahub.io/recommended-accelerators": '["nvidia.com/gpu"]',
  },
  "vllm-cpu": { "openshift.io/display-name": "vLLM CPU ServingRuntime for KServe" },
} as const;

/**
 * The ServingRuntime; `name` defaults to that of the build. KServe appends each model's arguments to `args`, and replaces
 * `{{.Name}}` with the model's name. The label and annotations are those of OpenShift AI's vLLM templates;
 * `kserve-runtime: vllm` turns on its metrics dashboard.
 */
export function servingRuntime<N extends Count = number>(spec: RuntimeSpec<N>, name: string = spec.name) {
  return {
    apiVersion: "serving.kserve.io/v1alpha1",
    kind: "ServingRuntime",
    metadata: {
      name,
      namespace: spec.namespace,
      annotations: { ...dashboard[spec.name], "opendatahub.io/apiProtocol": "REST" },
      labels: { "opendatahub.io/dashboard": "true" },
    },
    spec: {
      annotations: {
        "opendatahub.io/kserve-runtime": "vllm",
        "prometheus.io/port": String(port.number),
        "prometheus.io/path": "/metrics",
      },
      multiModel: false,
      supportedModelFormats: [{ ...modelFormat, autoSelect: true }],
      containers: [vllmContainer(spec, servingContainer, "{{.Name}}")],
      volumes: vllmVolumes,
    },
  };
}
