import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { sharedClaim } from "../../rules/names.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { type VolumeClaimSpec, volumeClaim } from "./manifests.ts";
import { declareClaim } from "./volume-claim.ts";

export interface VolumeArgs extends Omit<VolumeClaimSpec, "namespace" | "name"> {
  /**
   * Keep the claim, and all that is on it, when the stack is destroyed or no longer declares it. Its namespace must stay
   * too. Pulumi forgets a claim that it keeps: `kubectl delete pvc` removes it for good, `pulumi import` takes it back.
   * Default: false.
   */
  readonly retain?: boolean | undefined;
}

export interface StorageArgs extends VolumeArgs {
  readonly namespace: string;
  /** Whose deletion takes the claims with it; see Project. Default: each is deleted on its own. */
  readonly deletedWith?: pulumi.Resource | undefined;
}

/** The volume on which the tasks of a pipeline hand models over. */
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
   * A claim for one model, which its import fills and its service mounts. The claim's name is the resource's name too. It is
   * part of `parent`, not of the storage: what waits for the storage need not wait for the volumes of all models.
   */
  modelClaim(
    claim: string,
    volume: VolumeArgs,
    parent: pulumi.ComponentResource,
  ): k8s.core.v1.PersistentVolumeClaim {
    // These were the storage's own once; they stay the same resources.
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
      // Not `protect`: that would make `pulumi destroy` of the whole stack fail.
      retainOnDelete: volume.retain ?? false,
      // Pods of runs that people started hold a claim, finished ones too, until the namespace goes.
      ...(this.#deletedWith ? { deletedWith: this.#deletedWith } : {}),
    });
  }
}
