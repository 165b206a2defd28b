import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { LimitBounds } from "../../sizing/limit-range.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { limitRange, namespace, type PodSecurityLevel, resourceQuota } from "./manifests.ts";

export interface ProjectArgs {
  readonly namespace: string;
  /** The namespace is there already: it is only referred to, and stays as it is when the stack is destroyed. */
  readonly existing: boolean;
  /** Not for one that exists. */
  readonly podSecurity: PodSecurityLevel;
  /** Keep the namespace when the stack is destroyed, for what is kept in it; see VolumeArgs. */
  readonly retain: boolean;
  /** The `hard` part of the ResourceQuota. Default: none is declared, and no LimitRange either. */
  readonly quota?: Readonly<Record<string, string>> | undefined;
  /** Bounds of the LimitRange. Default: it has defaults only. */
  readonly limits?: LimitBounds | undefined;
}

/** The namespace of pipelines and models, its quota and its limits. */
export class Project extends pulumi.ComponentResource {
  /** Name of the namespace. */
  readonly namespace: pulumi.Output<string>;
  /** The namespace, if destroying the stack deletes it with all that is in it. */
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
