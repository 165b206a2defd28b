import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { volumeClaim } from "./manifests/storage.ts";

export interface StorageArgs {
  readonly namespace: string;
  /** Size of the volume. */
  readonly size: string;
  /** Default: the cluster's default class. */
  readonly storageClass?: string | undefined;
}

/** The volume on which the tasks of a pipeline hand models over. */
export class Storage extends pulumi.ComponentResource {
  /** Name of the claim. */
  static readonly claimName = "modelcar-storage";

  constructor(name: string, args: StorageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Storage", name, {}, opts);
    const claim = volumeClaim(args.namespace, Storage.claimName, args.size, args.storageClass);
    new k8s.core.v1.PersistentVolumeClaim(name, claim, { parent: this, dependsOn: opts?.dependsOn ?? [] });
    this.registerOutputs({});
  }
}
