import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { credentialsSecret, s3Host } from "./manifests/object-store.ts";

export interface CredentialsArgs {
  /** Namespace of pipelines and models. */
  readonly namespace: string;
  readonly objectStore: { readonly namespace: string; readonly region: string };
  /** Token for gated models on the hub. Default: none, and no Secret. */
  readonly hfToken?: pulumi.Output<string> | undefined;
}

/** Content of a Secret for S3 clients, by the names that they read. */
export type S3Credentials = Readonly<
  Record<"AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY", pulumi.Output<string>>
>;

/** The object store's generated credentials, for pipelines and for KServe, and the hub's token. */
export class Credentials extends pulumi.ComponentResource {
  /** The Secret in which KServe's storage initializer finds credentials and endpoint. */
  static readonly servingSecret = "minio-serving";
  readonly objectStore: S3Credentials;

  constructor(name: string, args: CredentialsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Credentials", name, {}, opts);
    const { objectStore, namespace, hfToken } = args;
    const child = { parent: this, dependsOn: opts?.dependsOn ?? [] };
    const accessKey = new random.RandomPassword(
      `${name}-access-key`,
      { length: 20, special: false },
      { parent: this },
    );
    const secretKey = new random.RandomPassword(
      `${name}-secret-key`,
      { length: 40, special: false },
      { parent: this },
    );
    this.objectStore = { AWS_ACCESS_KEY_ID: accessKey.result, AWS_SECRET_ACCESS_KEY: secretKey.result };

    opaqueSecret(`${name}-pipeline`, { name: credentialsSecret, namespace }, this.objectStore, child);
    // KServe reads the endpoint from annotations of the Secret; on the service account it would not see them.
    const annotations = {
      "serving.kserve.io/s3-endpoint": s3Host(objectStore.namespace),
      "serving.kserve.io/s3-usehttps": "0",
      "serving.kserve.io/s3-region": objectStore.region,
      "serving.kserve.io/s3-verifyssl": "0",
    };
    const serving = { name: Credentials.servingSecret, namespace, annotations };
    opaqueSecret(`${name}-serving`, serving, this.objectStore, child);
    if (hfToken) opaqueSecret(`${name}-hub`, { name: "hf-token", namespace }, { HF_TOKEN: hfToken }, child);
    this.registerOutputs({});
  }
}

interface SecretMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly annotations?: Record<string, string>;
}

/** A Secret of plain values. They are encoded here, so that what the API server stores equals what was declared. */
export function opaqueSecret(
  name: string,
  metadata: SecretMetadata,
  values: Readonly<Record<string, pulumi.Output<string>>>,
  opts: pulumi.CustomResourceOptions,
): k8s.core.v1.Secret {
  const encoded = Object.entries(values).map(([key, value]) => [
    key,
    value.apply((text) => Buffer.from(text).toString("base64")),
  ]);
  return new k8s.core.v1.Secret(name, { metadata, type: "Opaque", data: Object.fromEntries(encoded) }, opts);
}
