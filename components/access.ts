import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  type AccessSpec,
  commonAccounts,
  grants,
  role,
  roleBinding,
  taskAccounts,
} from "./manifests/access.ts";
import { chatPolicies } from "./manifests/chat-network.ts";
import { type Network, projectPolicies } from "./manifests/network-policies.ts";
import type { Project } from "./project.ts";

export interface AccessArgs extends AccessSpec {
  readonly project: Project;
  /** What the network policies depend on. Default: no policies. */
  readonly network?: Network | undefined;
  /** A chat UI may be deployed, by the program or by a pipeline run. */
  readonly chat: boolean;
}

/** What each kind of work may do: its account, its rights on the Kubernetes API, and whom it may talk to. */
export class Access extends pulumi.ComponentResource {
  constructor(name: string, args: AccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Access", name, {}, opts);
    const { namespace, network, tasks, models, project, chat } = args;
    const child = { parent: this, dependsOn: project };
    // These two were the project's own once; they stay the same resources.
    const once = (was: string) => ({ ...child, aliases: [{ name: was, parent: project }] });

    const { pipeline, serving } = commonAccounts(args);
    new k8s.core.v1.ServiceAccount(`${name}-pipeline`, pipeline, once("project-pipeline"));
    new k8s.core.v1.ServiceAccount(`${name}-serving`, serving, once("project-serving"));
    for (const account of taskAccounts(args)) {
      new k8s.core.v1.ServiceAccount(account.metadata.name, account, child);
    }
    for (const grant of grants(args)) {
      const granted = new k8s.rbac.v1.Role(grant.name, role(namespace, grant), child);
      new k8s.rbac.v1.RoleBinding(grant.name, roleBinding(namespace, grant), {
        ...child,
        dependsOn: granted,
      });
    }
    const policies = network
      ? [
          ...projectPolicies(namespace, network, tasks, models),
          ...(chat ? chatPolicies(namespace, network) : []),
        ]
      : [];
    for (const policy of policies) {
      new k8s.networking.v1.NetworkPolicy(`${name}-${policy.metadata.name}`, policy, child);
    }
    this.registerOutputs({});
  }
}
