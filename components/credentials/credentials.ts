import * as pulumi from "@pulumi/pulumi";
import { secretNames } from "../../rules/names.ts";
import type { Platform } from "../../rules/security.ts";
import type { ObjectStore } from "../object-store/object-store.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { type SecretValues, secret } from "../shared/secret.ts";
import { connectionData, connectionSecret, dockerConfig, servingSecret } from "./manifests.ts";

export interface CredentialsArgs {
  readonly platform: Platform;
  /** Namespace of pipelines and models. */
  readonly namespace: string;
  readonly objectStore: ObjectStore;
  /** Registry that images are pushed to and pulled from with a login. Default: none. */
  readonly imageRegistry?: { readonly server: string; readonly username?: string | undefined } | undefined;
  /** Secrets of the stack's configuration; each one that is set becomes a Secret. */
  readonly secrets: {
    readonly hfToken?: pulumi.Output<string>;
    readonly imageRegistryPassword?: pulumi.Output<string>;
    readonly modelRegistryToken?: pulumi.Output<string>;
  };
}

/** The credentials of pipelines and models: one Secret for each purpose, in their namespace. */
export class Credentials extends pulumi.ComponentResource {
  /** The Secret in which KServe's storage initializer finds credentials and endpoint. */

  constructor(name: string, args: CredentialsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Credentials", name, {}, inheritedDependsOn(opts));
    const { platform, namespace, objectStore, imageRegistry } = args;
    const { hfToken, imageRegistryPassword, modelRegistryToken } = args.secrets;
    const child = { parent: this };
    const opaque = (part: string, secretName: string, values: SecretValues) =>
      secret(`${name}-${part}`, { name: secretName, namespace }, values, child);

    opaque("pipeline", secretNames.objectStore, objectStore.pipeline);
    secret(`${name}-serving`, servingSecret(namespace, objectStore), objectStore.serving, child);
    if (platform === "openshift") {
      const values = { ...objectStore.serving, ...connectionData(objectStore) };
      secret(`${name}-connection`, connectionSecret(namespace), values, child);
    }
    if (hfToken) opaque("hub", secretNames.huggingFace, { HF_TOKEN: hfToken });
    if (modelRegistryToken) opaque("registry", secretNames.modelRegistry, { token: modelRegistryToken });
    const { server, username } = imageRegistry ?? {};
    if (server && username && imageRegistryPassword) {
      const content = imageRegistryPassword.apply((password) => dockerConfig(server, username, password));
      const metadata = { name: secretNames.imageRegistry, namespace };
      const values = { ".dockerconfigjson": content };
      secret(`${name}-images`, metadata, values, child, "kubernetes.io/dockerconfigjson");
    }
    this.registerOutputs({});
  }
}
