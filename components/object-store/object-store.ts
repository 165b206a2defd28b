import { readFileSync } from "node:fs";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { objectStoreAddress, type S3Address } from "../../rules/addresses.ts";
import type { Platform } from "../../rules/security.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { requiredImage } from "../shared/required-image.ts";
import { fingerprint, password, type SecretValues, secret } from "../shared/secret.ts";
import { serviceNamespace } from "../shared/service-namespace.ts";
import { volumeClaim } from "../storage/manifests.ts";
import { declareClaim } from "../storage/volume-claim.ts";
import {
  bucketJob,
  consoleRoute,
  deployment,
  minioSecrets,
  minioUsers,
  networkPolicy,
  service,
} from "./manifests.ts";

/** Data of a Secret for S3 clients, by the environment variables that they read. */
export type S3Credentials = Readonly<
  Record<"AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY", pulumi.Input<string>>
>;

export interface S3Login {
  readonly accessKey: pulumi.Output<string>;
  readonly secretKey: pulumi.Output<string>;
}

/** The login in the stack's secrets, if it is set. */
export function storeLogin(secrets: {
  readonly objectStoreAccessKey?: pulumi.Output<string>;
  readonly objectStoreSecretKey?: pulumi.Output<string>;
}): S3Login | undefined {
  const { objectStoreAccessKey: accessKey, objectStoreSecretKey: secretKey } = secrets;
  return accessKey && secretKey ? { accessKey, secretKey } : undefined;
}

/** An existing S3 service with its bucket. */
export interface ExistingObjectStoreArgs extends S3Address {
  /** Login of pipelines, which write, and of KServe. */
  readonly login?: S3Login | undefined;
}

/** MinIO in its own namespace. */
export interface OwnObjectStoreArgs extends Omit<S3Address, "endpoint"> {
  readonly platform: Platform;
  readonly namespace: string;
  readonly images: { readonly minio?: string | undefined; readonly tasks: string };
  /** Size of the volume. */
  readonly storage: string;
  /** Default: the cluster's default class. */
  readonly storageClass?: string | undefined;
  /** MinIO's web console, on OpenShift with a Route. */
  readonly console: boolean;
  /** Keep the namespace and its volume when the stack is destroyed; see VolumeArgs. */
  readonly retain: boolean;
  /** MinIO's administrator. Default: generated. */
  readonly login?: S3Login | undefined;
  /** Namespaces that a network policy admits. Default: no policy, so all. */
  readonly clients?: readonly string[] | undefined;
}

export type ObjectStoreArgs = ExistingObjectStoreArgs | OwnObjectStoreArgs;

/** Where models are stored: an existing S3 service, or MinIO with its bucket and a user for each purpose. */
export class ObjectStore extends pulumi.ComponentResource implements S3Address {
  /** Base URL of the S3 API, as pods reach it. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  /** Reads and writes the bucket. */
  readonly pipeline: S3Credentials;
  /** Reads the bucket; an existing S3 service has one login for both. */
  readonly serving: S3Credentials;

  constructor(name: string, args: ObjectStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:ObjectStore", name, {}, inheritedDependsOn(opts));
    const { endpoint, bucket, region } = objectStoreAddress(args);
    this.endpoint = endpoint;
    this.bucket = bucket;
    this.region = region;
    if ("endpoint" in args) {
      this.pipeline = this.serving = existing(args.login);
    } else {
      const users = this.#users(name);
      this.pipeline = {
        AWS_ACCESS_KEY_ID: minioUsers.pipeline,
        AWS_SECRET_ACCESS_KEY: users.PIPELINE_PASSWORD,
      };
      this.serving = { AWS_ACCESS_KEY_ID: minioUsers.serving, AWS_SECRET_ACCESS_KEY: users.SERVING_PASSWORD };
      this.#minio(name, args, users);
    }
    this.registerOutputs({ endpoint: this.endpoint });
  }

  #users(name: string) {
    return {
      PIPELINE_PASSWORD: password(`${name}-pipeline`, { parent: this }),
      SERVING_PASSWORD: password(`${name}-serving`, { parent: this }),
    };
  }

  #minio(name: string, args: OwnObjectStoreArgs, users: SecretValues): void {
    const { namespace, platform, console, bucket, region, retain: retainOnDelete } = args;
    const { tasks } = args.images;
    const image = requiredImage(args.images, "minio");
    const parent = { parent: this };
    const space = new k8s.core.v1.Namespace(name, serviceNamespace(namespace), { ...parent, retainOnDelete });
    const inside = { ...parent, dependsOn: space };
    const root = {
      MINIO_ROOT_USER: args.login?.accessKey ?? password(`${name}-root-user`, parent),
      MINIO_ROOT_PASSWORD: args.login?.secretKey ?? password(`${name}-root-password`, parent),
    };
    const secrets = [
      secret(`${name}-root`, { name: minioSecrets.root, namespace }, root, inside),
      secret(`${name}-users`, { name: minioSecrets.users, namespace }, users, inside),
    ];
    const volume = volumeClaim({
      namespace,
      name: "minio",
      size: args.storage,
      storageClass: args.storageClass,
    });
    const claim = declareClaim(name, volume, { ...inside, retainOnDelete });
    const rootFingerprint = fingerprint(`${name}-root`, root, parent);
    const server = new k8s.apps.v1.Deployment(
      name,
      deployment({ platform, namespace, image, region, console, rootFingerprint }),
      { ...parent, dependsOn: [...secrets, claim] },
    );
    // Pulumi considers a Service ready once pods are ready behind it.
    const address = new k8s.core.v1.Service(name, service(namespace, console), {
      ...parent,
      dependsOn: server,
    });
    if (console && platform === "openshift") {
      new k8s.apiextensions.CustomResource(`${name}-console`, consoleRoute(namespace), inside);
    }
    if (args.clients) {
      const policy = networkPolicy(namespace, args.clients, console);
      new k8s.networking.v1.NetworkPolicy(name, policy, inside);
    }

    const script = readFileSync(new URL("./create_bucket.py", import.meta.url), "utf8");
    const usersFingerprint = fingerprint(`${name}-users`, users, parent);
    const spec = { platform, namespace, image: tasks, bucket, region, script, usersFingerprint };
    const { configMap, job } = bucketJob(spec);
    const source = new k8s.core.v1.ConfigMap(`${name}-bucket`, configMap, inside);
    new k8s.batch.v1.Job(`${name}-bucket`, job, { ...parent, dependsOn: [address, source] });
  }
}

function existing(login: S3Login | undefined): S3Credentials {
  if (!login) {
    throw new Error(
      "set modelcar:objectStoreAccessKey and modelcar:objectStoreSecretKey for the object store",
    );
  }
  return { AWS_ACCESS_KEY_ID: login.accessKey, AWS_SECRET_ACCESS_KEY: login.secretKey };
}
