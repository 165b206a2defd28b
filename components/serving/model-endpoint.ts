/** Objects around a served model: its API key, its exposure and its mesh settings. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { apiKey, apiKeySecretName } from "../../rules/authentication.ts";
import { password, secret } from "../shared/secret.ts";
import {
  destinationRule,
  type ExposedModel,
  hostOf,
  httpRoute,
  ingress,
  route,
  virtualService,
} from "./endpoint.ts";

/** The Secret with vLLM's API key, which is generated. */
export function apiKeySecret(
  name: string,
  model: { readonly name: string; readonly namespace: string },
  opts: pulumi.CustomResourceOptions,
) {
  const key = password(`${name}-api-key`, opts);
  const metadata = { name: apiKeySecretName(model.name), namespace: model.namespace };
  return secret(`${name}-api-key`, metadata, { [apiKey]: key }, opts);
}

/** Exposes a model outside the cluster. Returns its URL. Throws if the exposure is none. */
export function expose(
  name: string,
  model: ExposedModel,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  switch (model.endpoint.exposure) {
    case "route": {
      const manifest = route(model);
      const made = new k8s.apiextensions.CustomResource(name, manifest, opts);
      // Without a configured domain the cluster chooses the host.
      const { spec } = made as unknown as { spec: pulumi.Output<{ host?: string }> };
      return spec.apply(({ host }) => `https://${host ?? hostOf(model) ?? ""}`);
    }
    case "ingress":
      new k8s.networking.v1.Ingress(name, ingress(model), opts);
      break;
    case "gateway":
      new k8s.apiextensions.CustomResource(name, httpRoute(model), opts);
      break;
    case "none":
      throw new Error(`model ${name} cannot be exposed with modelcar:endpoint.exposure: none`);
  }
  return pulumi.output(`https://${hostOf(model)}`);
}

/** Declares a model's objects in an Istio mesh. */
export function joinMesh(name: string, model: ExposedModel, opts: pulumi.CustomResourceOptions): void {
  new k8s.apiextensions.CustomResource(name, virtualService(model), opts);
  new k8s.apiextensions.CustomResource(name, destinationRule(model), opts);
}
