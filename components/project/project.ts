import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { LimitBounds } from "../../sizing/limit-range.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { limitRange, namespace, type PodSecurityLevel, resourceQuota } from "./manifests.ts";

export interface ProjectArgs {
  readonly namespace: string;
  /** The namespace already exists: it is only referenced, and stays unchanged when the stack is destroyed. */
  readonly existing: boolean;
  /** Ignored for an existing namespace. */
  readonly podSecurity: PodSecurityLevel;
  /** Keep the namespace, and the volumes in it, when the stack is destroyed; see VolumeArgs. */
  readonly retain: boolean;
  /** `hard` of the ResourceQuota. Default: no ResourceQuota and no LimitRange. */
  readonly quota?: Readonly<Record<string, string>> | undefined;
  /** Bounds of the LimitRange. Default: none, only defaults. */
  readonly limits?: LimitBounds | undefined;
}

/** The namespace of pipelines and models, its quota and its limits. */
export class Project extends pulumi.ComponentResource {
  /** Name of the namespace. */
  readonly namespace: pulumi.Output<string>;
  /** The namespace, if destroying the stack deletes it and everything in it. */
  readonly deleted: k8s.core.v1.Namespace | undefined;

  constructor(name: string, args: ProjectArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Project", name, {}, inheritedDependsOn(opts));
    const { quota, limits, podSecurity } = args;
    const space = args.existing
      ? undefined
      : new k8s.core.v1.Namespace(name, namespace(args.namespace, podSecurity), {
          parent: this,
          retainOnDelete: args.retain,
        });
    const inside = { parent: this, dependsOn: space ?? [] };
    if (quota) {
      new k8s.core.v1.ResourceQuota(`${name}-quota`, resourceQuota(args.namespace, quota), inside);
      const range = limitRange(args.namespace, limits, quota);
      new k8s.core.v1.LimitRange(`${name}-limits`, range, inside);
    }
    this.deleted = args.retain ? undefined : space;
    this.namespace = space ? space.metadata.name : pulumi.output(args.namespace);
    this.registerOutputs({ namespace: this.namespace });
  }
}
