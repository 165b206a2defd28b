import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

export interface RegistryArgs {
  readonly namespace: string;
  /** REST endpoint of the Kubeflow model registry, as pods reach it. */
  readonly url: string;
}

/** Where the model registry is, for this program and, as a ConfigMap, for whoever runs pipelines by hand. */
export class Registry extends pulumi.ComponentResource {
  readonly url: string;

  constructor(name: string, args: RegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Registry", name, {}, opts);
    const { namespace, url } = args;
    new k8s.core.v1.ConfigMap(
      name,
      { metadata: { name: "model-registry", namespace }, data: { MODEL_REGISTRY_URL: url } },
      { parent: this, dependsOn: opts?.dependsOn ?? [] },
    );
    this.url = url;
    this.registerOutputs({ url });
  }
}
