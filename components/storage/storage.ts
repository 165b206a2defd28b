import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { sharedClaim } from "../../rules/names.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { type VolumeClaimSpec, volumeClaim } from "./manifests.ts";
import { declareClaim } from "./volume-claim.ts";

export interface VolumeArgs extends Omit<VolumeClaimSpec, "namespace" | "name"> {
  /**
   * Keep the claim and its data when the stack is destroyed or no longer declares it. Its namespace must be kept too. Pulumi
   * removes a kept claim from state: `kubectl delete pvc` deletes it for good, `pulumi import` brings it back under management.
   * Default: false.
   */
  readonly retain?: boolean | undefined;
}

export interface StorageArgs extends VolumeArgs {
  readonly namespace: string;
  /** Resource whose deletion also deletes the claims; see Project. Default: each claim is deleted separately. */
  readonly deletedWith?: pulumi.Resource | undefined;
}

/** The volume that passes models between the tasks of a pipeline. */
export class Storage extends pulumi.ComponentResource {
  readonly #namespace: string;
  readonly #deletedWith: pulumi.Resource | undefined;

  constructor(name: string, args: StorageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Storage", name, {}, inheritedDependsOn(opts));
    const { namespace, deletedWith, ...volume } = args;
    this.#namespace = namespace;
    this.#deletedWith = deletedWith;
    this.#claim(name, sharedClaim, volume, { parent: this });
    this.registerOutputs({});
  }

  /**
   * A claim for one model, which its import fills and its service mounts. The claim's name is also the resource's. It is a child
   * of `parent`, not of the storage, so that resources that depend on the storage do not wait for all models' volumes.
   */
  modelClaim(
    claim: string,
    volume: VolumeArgs,
    parent: pulumi.ComponentResource,
  ): k8s.core.v1.PersistentVolumeClaim {
    // These were once children of the Storage; the alias keeps them the same resources.
    return this.#claim(claim, claim, volume, { parent, aliases: [{ parent: this }] });
  }

  #claim(
    resource: string,
    name: string,
    volume: VolumeArgs,
    opts: pulumi.CustomResourceOptions,
  ): k8s.core.v1.PersistentVolumeClaim {
    const manifest = volumeClaim({ ...volume, namespace: this.#namespace, name });
    return declareClaim(resource, manifest, {
      ...opts,
      // Not `protect`, with which `pulumi destroy` of the whole stack would fail.
      retainOnDelete: volume.retain ?? false,
      // Pods of manually started runs, even completed ones, hold a claim until the namespace is deleted.
      ...(this.#deletedWith ? { deletedWith: this.#deletedWith } : {}),
    });
  }
}
