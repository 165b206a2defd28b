/** Settings that all runs of a stack share, whether the program or a script starts them. */
import type { Config } from "../config/config.ts";
import { objectStoreAddress, plainHttpRegistry, registryAddress } from "../rules/addresses.ts";
import { imageRegistrySecret, sharedClaim } from "../rules/names.ts";

export type RunSettings = ReturnType<typeof runSettings>;

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
    /** Timeout of each task; a run's timeout is the sum of its tasks'. */
    timeoutMinutes: config.pipelines.timeoutMinutes,
    accelerators: config.accelerators,
    /** Secrets of type dockerconfigjson for the tasks' images. */
    pullSecrets: secret ? [secret] : [],
    huggingFaceEndpoint: config.huggingFace.endpoint,
    objectStore: { endpoint, bucket },
    /** `name` is undefined if only the registry's URL is known. */
    registry: { url, auth, name: registryName },
    /** The claim that passes models between tasks. */
    claim: sharedClaim,
    imageRegistry: {
      /** Host[:port] of the registry if it has no TLS, otherwise undefined. */
      withoutTls: plainHttpRegistry(config),
      /** Secret with the login for pushes; undefined if none is needed. */
      secret,
    },
  } as const;
}
