import { readFileSync } from "node:fs";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { opaqueSecret, type S3Credentials } from "./credentials.ts";
import {
  bucketJob,
  credentialsSecret,
  deployment,
  type ObjectStoreSpec,
  s3Host,
  service,
} from "./manifests/object-store.ts";
import { namespace } from "./manifests/project.ts";
import { volumeClaim } from "./manifests/storage.ts";

export interface ObjectStoreArgs extends ObjectStoreSpec {
  readonly bucket: string;
  readonly credentials: S3Credentials;
  /** An image with Python and the MinIO client library, for the Job that makes the bucket. */
  readonly tasksImage: string;
}

/** MinIO in a namespace of its own, with its bucket for models. */
export class ObjectStore extends pulumi.ComponentResource {
  /** Base URL of the S3 API inside the cluster. */
  readonly endpoint: string;

  constructor(name: string, args: ObjectStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:ObjectStore", name, {}, opts);
    const space = new k8s.core.v1.Namespace(name, namespace(args.namespace, "restricted"), { parent: this });
    const inside = { parent: this, dependsOn: space };
    const login = { name: credentialsSecret, namespace: args.namespace };
    const secret = opaqueSecret(`${name}-credentials`, login, args.credentials, inside);
    const claim = new k8s.core.v1.PersistentVolumeClaim(
      name,
      volumeClaim(args.namespace, "minio", args.storage),
      inside,
    );
    const server = new k8s.apps.v1.Deployment(name, deployment(args), {
      parent: this,
      dependsOn: [secret, claim],
    });
    // A Service is ready when pods answer behind it.
    const address = new k8s.core.v1.Service(name, service(args.namespace), {
      parent: this,
      dependsOn: server,
    });

    const script = readFileSync(new URL("./create_bucket.py", import.meta.url), "utf8");
    const { platform, bucket, tasksImage } = args;
    const { configMap, job } = bucketJob({
      platform,
      namespace: args.namespace,
      image: tasksImage,
      bucket,
      script,
    });
    const source = new k8s.core.v1.ConfigMap(`${name}-bucket`, configMap, inside);
    new k8s.batch.v1.Job(`${name}-bucket`, job, { parent: this, dependsOn: [address, source] });

    this.endpoint = `http://${s3Host(args.namespace)}`;
    this.registerOutputs({ endpoint: this.endpoint });
  }
}
