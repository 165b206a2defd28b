import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { digestOf } from "./digest.ts";
import { inferenceService, type ModelServiceSpec, predictorService } from "./manifests/kserve.ts";
import { Readiness } from "./readiness/index.ts";
import type { ServingRuntime } from "./serving-runtime.ts";

export interface ModelServiceArgs extends Omit<ModelServiceSpec<pulumi.Input<string>>, "runtime"> {
  readonly runtime: ServingRuntime;
  /** Context of the kubeconfig. */
  readonly context: string;
  /** How long the model may take until it answers. */
  readonly timeoutMinutes: number;
}

/** One served model: its InferenceService, and the proof that it answers. */
export class ModelService extends pulumi.ComponentResource {
  /** URL inside the cluster; known once the model answers. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: ModelServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:serving:ModelService", name, {}, opts);
    const { runtime, context, timeoutMinutes, namespace } = args;
    const manifest = inferenceService({ ...args, runtime: runtime.runtime });
    // KServe rewrites the mode's name from version to version, and refuses to change the mode itself.
    const ignoreChanges = ['metadata.annotations["serving.kserve.io/deploymentMode"]'];
    const service = new k8s.apiextensions.CustomResource(name, manifest, {
      parent: this,
      dependsOn: runtime,
      ignoreChanges,
    });
    const { args: vllmArgs, resources } = manifest.spec.predictor.model;
    const ready = new Readiness(
      name,
      {
        context,
        namespace,
        name: args.name,
        service: predictorService(args.name),
        expected: pulumi.output({
          image: runtime.image,
          storageUri: args.storageUri,
          args: vllmArgs,
          resources,
        }),
        uid: service.metadata.uid,
        revision: pulumi.output([manifest.spec, runtime.revision]).apply(digestOf),
        timeoutSeconds: timeoutMinutes * 60,
      },
      { parent: this, dependsOn: service },
    );
    this.url = ready.url;
    this.registerOutputs({ url: this.url });
  }
}
