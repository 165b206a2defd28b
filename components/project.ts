import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { quotaFor, type Workloads } from "../sizing/quota.ts";
import { limitRange, names, namespace, resourceQuota, serviceAccount } from "./manifests/project.ts";

export interface ProjectArgs {
  readonly namespace: string;
  /** Everything that is to run here; the quota is what it needs. */
  readonly workloads: Workloads;
  /** Secrets in which KServe finds the object store's credentials. */
  readonly servingSecrets: readonly string[];
}

/** The namespace of pipelines and models: its quota, its limits, and an account for each kind of work. */
export class Project extends pulumi.ComponentResource {
  /** Name of the namespace. */
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: ProjectArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Project", name, {}, opts);
    const { workloads, servingSecrets } = args;
    // Tekton's and KServe's own init containers are restricted only where the platform is set up so; ours always are.
    const space = new k8s.core.v1.Namespace(name, namespace(args.namespace, "baseline"), { parent: this });
    const inside = { parent: this, dependsOn: space };
    new k8s.core.v1.ResourceQuota(
      `${name}-quota`,
      resourceQuota(args.namespace, quotaFor(workloads)),
      inside,
    );
    new k8s.core.v1.LimitRange(`${name}-limits`, limitRange(args.namespace), inside);
    const pipeline = serviceAccount(args.namespace, names.pipelineAccount);
    new k8s.core.v1.ServiceAccount(`${name}-pipeline`, pipeline, inside);
    const serving = serviceAccount(args.namespace, names.servingAccount, servingSecrets);
    new k8s.core.v1.ServiceAccount(`${name}-serving`, serving, inside);

    this.namespace = space.metadata.name;
    this.registerOutputs({ namespace: this.namespace });
  }
}
