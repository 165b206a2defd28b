/** The two ways to serve a model: an InferenceService of KServe, and a plain Deployment that keeps the model on a volume. */

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

/** A model as it was declared, with what the objects around it and its readiness need to know. */
export interface Served {
  readonly resource: pulumi.CustomResource & { readonly metadata: pulumi.Output<{ uid: string }> };
  /** The Service before the pods, at the port where no proxy is before it. */
  readonly service: { readonly name: string; readonly port: number };
  readonly serviceLabels: Readonly<Record<string, string>>;
  /** Kind of the object that stands for the model, and the Deployment and container that serve it. */
  readonly kind: "InferenceService" | "Deployment";
  readonly deployment: string;
  readonly container: string;
  /** What the pods must have to be the declared ones. */
  readonly expected: pulumi.Output<{
    readonly image: string;
    /** Of an InferenceService. */
    readonly storageUri?: string;
    /** Of a Deployment: the image that the model came from. */
    readonly modelImage?: string;
    readonly args: readonly string[];
    readonly resources: ReturnType<typeof modelResources>;
  }>;
  /** Changes whenever the pods must. */
  readonly revision: pulumi.Output<string>;
}

type Text = pulumi.Input<string>;

/** An InferenceService; `runtime` is what its ServingRuntime was made of. */
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
      // KServe rewrites the mode's name from version to version, and refuses to change the mode itself.
      'metadata.annotations["serving.kserve.io/deploymentMode"]',
      // Models of before were made without it, and a label of theirs is one of their pods, which would start anew.
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

/** A Deployment with its volume and Service. Throws on a model that is no image. */
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

/** The image that an oci:// URI names. Throws on any other. */
export function imageOf(uri: string): string {
  const scheme = "oci://";
  if (!uri.startsWith(scheme)) {
    throw new Error(`${uri}: serve.mode deployment serves a model image, oci://<repository>@sha256:<digest>`);
  }
  return uri.slice(scheme.length);
}
