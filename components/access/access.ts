import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Network } from "../../plan/network.ts";
import { candidateName } from "../../rules/candidate.ts";
import { chatPolicies } from "../chat/network-policies.ts";
import type { Project } from "../project/project.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { type AccessSpec, commonAccounts, grants, role, roleBinding, taskAccounts } from "./manifests.ts";
import { projectPolicies, registryPolicyName } from "./network-policies.ts";

export interface AccessArgs extends AccessSpec {
  readonly project: Project;
  /** Default: no network policies. */
  readonly network?: Network | undefined;
  /** A chat UI may be deployed, by the program or by a pipeline run. */
  readonly chat: boolean;
}

/** The service account of each task, its rights on the Kubernetes API, and the peers that it may connect to. */
export class Access extends pulumi.ComponentResource {
  readonly #shared: pulumi.Resource[] = [];
  /** Policies for a single model, by the model's name. */
  readonly #ofModels = new Map<string, pulumi.Resource>();

  constructor(name: string, args: AccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:platform:Access", name, {}, inheritedDependsOn(opts));
    const { namespace, network, tasks, models, project, chat } = args;
    const child = { parent: this };
    // These two were once children of the Project; the aliases keep them the same resources.
    const once = (was: string) => ({ ...child, aliases: [{ name: was, parent: project }] });

    const { pipeline, serving } = commonAccounts(args);
    this.#shared.push(
      new k8s.core.v1.ServiceAccount(`${name}-pipeline`, pipeline, once("project-pipeline")),
      new k8s.core.v1.ServiceAccount(`${name}-serving`, serving, once("project-serving")),
    );
    for (const account of taskAccounts(args)) {
      this.#shared.push(new k8s.core.v1.ServiceAccount(account.metadata.name, account, child));
    }
    for (const grant of grants(args)) {
      const granted = new k8s.rbac.v1.Role(grant.name, role(namespace, grant), child);
      const bound = new k8s.rbac.v1.RoleBinding(grant.name, roleBinding(namespace, grant), {
        ...child,
        dependsOn: granted,
      });
      this.#shared.push(granted, bound);
    }
    const policies = network
      ? [
          ...projectPolicies(namespace, network, tasks, models),
          ...(chat ? chatPolicies(namespace, network) : []),
        ]
      : [];
    const modelOf = new Map(models.map((model) => [registryPolicyName(model.name), model.name]));
    for (const policy of policies) {
      const made = new k8s.networking.v1.NetworkPolicy(`${name}-${policy.metadata.name}`, policy, child);
      const model = modelOf.get(policy.metadata.name);
      if (model === undefined) this.#shared.push(made);
      else this.#ofModels.set(model, made);
    }
    this.registerOutputs({});
  }

  /** What the runs and the service of a model depend on: everything here except policies for another model. */
  of(model: string): pulumi.Resource[] {
    const own = [model, candidateName(model)].flatMap((name) => this.#ofModels.get(name) ?? []);
    return [...this.#shared, ...own];
  }
}
