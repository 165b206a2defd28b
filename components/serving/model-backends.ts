/** The two ways to serve a model: KServe's InferenceService, and a plain Deployment that caches the model on a volume. */

import { digestOf } from "@modelcar/kubernetes/digest";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { modelArgs } from "../../config/vllm-arguments.ts";
import { declareClaim } from "../storage/volume-claim.ts";
import {
  cacheVolumeClaim,
  type DeploymentServiceSpec,
  modelDeployment,
  modelService,
  serverContainer,
} from "./deployment-service.ts";
import {
  type InferenceServiceSpec,
  inferenceService,
  predictorService,
  registryLabel,
} from "./inference-service.ts";
import { servingContainer, servingRuntime } from "./runtime-manifest.ts";
import { modelResources, type RuntimeSpec } from "./vllm.ts";

/** A declared model, with what Readiness and the objects around it need to know. */
export interface Served {
  readonly resource: pulumi.CustomResource & { readonly metadata: pulumi.Output<{ uid: string }> };
  /** The Service of the pods, and its port without a proxy. */
  readonly service: { readonly name: string; readonly port: number };
  readonly serviceLabels: Readonly<Record<string, string>>;
  /** Kind of the model's main object, and the Deployment and container that serve it. */
  readonly kind: "InferenceService" | "Deployment";
  readonly deployment: string;
  readonly container: string;
  /** What identifies pods of the current declaration. */
  readonly expected: pulumi.Output<{
    readonly image: string;
    /** Set for an InferenceService. */
    readonly storageUri?: string;
    /** Set for a Deployment: the image that contains the model. */
    readonly modelImage?: string;
    readonly args: readonly string[];
    readonly resources: ReturnType<typeof modelResources>;
  }>;
  /** Changes whenever the pods must be replaced. */
  readonly revision: pulumi.Output<string>;
}

type Text = pulumi.Input<string>;

/** Declares an InferenceService; `runtime` is the spec of its ServingRuntime. */
export function byKServe(
  name: string,
  spec: InferenceServiceSpec<Text>,
  runtime: RuntimeSpec,
  opts: pulumi.CustomResourceOptions,
): Served {
  const manifest = inferenceService(spec);
  const resource = new k8s.apiextensions.CustomResource(name, manifest, {
    ...opts,
    ignoreChanges: [
      // Versions of KServe rewrite the mode's name, and refuse a change of the mode.
      'metadata.annotations["serving.kserve.io/deploymentMode"]',
      // Older models do not have it, and adding it would also label their pods, which would restart.
      `metadata.labels["${registryLabel}"]`,
    ],
  });
  const service = predictorService(spec.name);
  const { args, resources } = manifest.spec.predictor.model;
  return {
    resource,
    service,
    serviceLabels: { "serving.kserve.io/inferenceservice": spec.name },
    kind: "InferenceService",
    deployment: service.name,
    container: servingContainer,
    expected: pulumi.output({ image: runtime.image, storageUri: spec.storageUri, args, resources }),
    revision: pulumi.output([manifest.spec, servingRuntime(runtime).spec]).apply(digestOf),
  };
}

/** Declares a Deployment with its claim and Service. Throws if the model is not an image. */
export function byDeployment(
  name: string,
  { storageUri, ...rest }: Omit<DeploymentServiceSpec<Text>, "modelImage"> & { readonly storageUri: Text },
  opts: pulumi.CustomResourceOptions,
): Served {
  const modelImage = pulumi.output(storageUri).apply(imageOf);
  const spec = { ...rest, modelImage };
  const claim = declareClaim(`${name}-cache`, cacheVolumeClaim(spec), opts);
  const manifest = modelDeployment(spec);
  const resource = new k8s.apps.v1.Deployment(name, manifest, { ...opts, dependsOn: claim });
  const service = modelService(spec);
  new k8s.core.v1.Service(name, service, opts);
  const { serve, runtime } = spec;
  return {
    resource,
    service: { name: service.metadata.name, port: 80 },
    serviceLabels: service.metadata.labels,
    kind: "Deployment",
    deployment: spec.name,
    container: serverContainer,
    expected: pulumi.output({
      image: runtime.image,
      modelImage,
      args: modelArgs(serve),
      resources: modelResources(serve),
    }),
    revision: pulumi.output(manifest.spec).apply(digestOf),
  };
}

/** The image of an oci:// URI. Throws on any other URI. */
export function imageOf(uri: string): string {
  const scheme = "oci://";
  if (!uri.startsWith(scheme)) {
    throw new Error(
      `${uri}: serve.mode deployment can only serve a model image, oci://<repository>@sha256:<digest>`,
    );
  }
  return uri.slice(scheme.length);
}
