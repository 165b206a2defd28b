/** Image registries: which are used, by what, and which of them has no TLS. */

import type { Config, Model } from "../config/config.ts";
import { registryOf } from "../config/fields.ts";
import { plainHttpRegistry } from "../rules/addresses.ts";

/** The configured registry, those that models are pushed to, and that of the base image. */
export function imageRegistriesOf(config: Pick<Config, "models" | "images" | "imageRegistry">): string[] {
  const pushed = config.models.flatMap((model) =>
    model.package.kind === "modelcar" ? [model.package.image] : [],
  );
  const images = [...pushed, config.images.modelcarBase ?? []].flat();
  const servers = [config.imageRegistry?.server ?? [], images.map(registryOf)].flat();
  return [...new Set(servers)].map((server) => registryUrl(server, config));
}

/** Host[:port] of a registry with TLS, or the URL of one without. */
export const registryUrl = (server: string, config: Pick<Config, "imageRegistry">): string =>
  server === plainHttpRegistry(config) ? `http://${server}` : server;

/** The registry that a model's pods pull an artefact from; images are pulled by the kubelet. */
export function artefactRegistry({ source, serve }: Pick<Model, "source" | "serve">): string | undefined {
  if (!("uri" in source) || serve.mode !== "deployment" || serve.cache?.fetch !== "oras") return undefined;
  return registryOf(source.uri.replace(/^oci:\/\//, ""));
}

/** Whether a model's pods pull it from the registry without TLS. */
export function isPulledWithoutTls(
  model: Pick<Model, "source" | "serve">,
  config: Pick<Config, "imageRegistry">,
): boolean {
  const registry = artefactRegistry(model);
  return registry !== undefined && registry === plainHttpRegistry(config);
}
