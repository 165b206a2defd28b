/** What the runs of all pipelines of a stack have in common, whoever starts them. */
import type { Config } from "../config/config.ts";
import { objectStoreAddress, plainHttpRegistry, registryAddress } from "../rules/addresses.ts";
import { imageRegistrySecret, sharedClaim } from "../rules/names.ts";

export type RunSettings = ReturnType<typeof runSettings>;

/** The settings of a stack's runs. */
export function runSettings(
  config: Pick<
    Config,
    "platform" | "accelerators" | "pipelines" | "huggingFace" | "objectStore" | "registry" | "imageRegistry"
  >,
) {
  const { endpoint, bucket } = objectStoreAddress(config.objectStore);
  const { url, auth } = registryAddress(config.registry, config.platform);
  const secret = imageRegistrySecret(config);
  const registryName = config.registry.kind === "url" ? undefined : config.registry.name;
  return {
    platform: config.platform,
    /** How long each task may take; all of them together as long for each. */
    timeoutMinutes: config.pipelines.timeoutMinutes,
    accelerators: config.accelerators,
    /** Secrets of type dockerconfigjson for the tasks' images. */
    pullSecrets: secret ? [secret] : [],
    huggingFaceEndpoint: config.huggingFace.endpoint,
    objectStore: { endpoint, bucket },
    /** `name` is that of OpenShift AI's ModelRegistry or of our own; undefined where only its URL is known. */
    registry: { url, auth, name: registryName },
    /** The volume that tasks hand models over on. */
    claim: sharedClaim,
    imageRegistry: {
      /** Host[:port] of it if it has no TLS; undefined if it has. */
      withoutTls: plainHttpRegistry(config),
      /** Secret with the login for pushes; undefined where none is needed. */
      secret,
    },
  } as const;
}
