/** Metadata of the Secrets that tasks, KServe and OpenShift AI look for. Values come from elsewhere. */

import type { S3Address } from "../../rules/addresses.ts";
import { secretNames } from "../../rules/names.ts";

export interface SecretMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * The Secret that KServe's storage initializer reads. It takes the endpoint from annotations of the Secret; it ignores them
 * on the service account, where they are often set.
 */
export function servingSecret(namespace: string, { endpoint, region }: S3Address): SecretMetadata {
  const { host, protocol } = new URL(endpoint);
  const tls = protocol === "https:" ? "1" : "0";
  return {
    name: secretNames.serving,
    namespace,
    annotations: {
      "serving.kserve.io/s3-endpoint": host,
      "serving.kserve.io/s3-usehttps": tls,
      "serving.kserve.io/s3-region": region,
      "serving.kserve.io/s3-verifyssl": tls,
    },
  };
}

/**
 * A connection of OpenShift AI. From connections that are labelled as managed, its controller writes the Secret
 * `storage-config`, which nothing else may own.
 */
export function connectionSecret(namespace: string): SecretMetadata {
  return {
    name: secretNames.connection,
    namespace,
    labels: { "opendatahub.io/dashboard": "true", "opendatahub.io/managed": "true" },
    annotations: {
      "openshift.io/display-name": "Model storage",
      "openshift.io/description": "Models of the import pipelines, read only",
      // OpenShift AI 2 and earlier read the first, later versions the others.
      "opendatahub.io/connection-type": "s3",
      "opendatahub.io/connection-type-ref": "s3",
      "opendatahub.io/connection-type-protocol": "s3",
    },
  };
}

/** The data of a connection besides its two keys. */
export function connectionData({ endpoint, bucket, region }: S3Address) {
  return { AWS_S3_ENDPOINT: endpoint, AWS_S3_BUCKET: bucket, AWS_DEFAULT_REGION: region };
}

/** Content of `.dockerconfigjson`: one login at one registry. */
export function dockerConfig(server: string, username: string, password: string): string {
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  return JSON.stringify({ auths: { [server]: { username, password, auth } } });
}
