import { createHmac } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { SecretMetadata } from "../credentials/manifests.ts";

export type SecretValues = Readonly<Record<string, pulumi.Input<string>>>;

/** Metadata of a Secret whose name may come from its content. */
type Metadata = Omit<SecretMetadata, "name"> & { readonly name: pulumi.Input<string> };

/** A Secret of text values. They are encoded here, so that the stored object equals the declared one. */
export function secret(
  name: string,
  metadata: Metadata,
  values: SecretValues,
  opts: pulumi.CustomResourceOptions,
  type = "Opaque",
): k8s.core.v1.Secret {
  const encoded = Object.entries(values).map(([key, value]) => [
    key,
    pulumi.secret(value).apply((text) => Buffer.from(text).toString("base64")),
  ]);
  return new k8s.core.v1.Secret(name, { metadata, type, data: Object.fromEntries(encoded) }, opts);
}

/** A generated password of letters and digits, which need no quoting anywhere. */
export function password(name: string, opts: pulumi.CustomResourceOptions): pulumi.Output<string> {
  return new random.RandomPassword(name, { length: 40, special: false }, opts).result;
}

/**
 * Sixteen hex digits that change when a value does: as an annotation or a part of a name they restart pods that read the values
 * only once. They are safe to show: the hash is keyed with a generated password that is used for nothing else, so it does not
 * even confirm a guess.
 */
export function fingerprint(
  name: string,
  values: SecretValues,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const key = password(`${name}-fingerprint`, opts);
  const hash = pulumi.all([key, pulumi.output(values)]).apply(([key, values]) => {
    const sorted = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
    return createHmac("sha256", key).update(JSON.stringify(sorted)).digest("hex").slice(0, 16);
  });
  return pulumi.unsecret(hash);
}
