import * as pulumi from "@pulumi/pulumi";
import type { IdentityInputs } from "./provider.ts";

/** Only `require` and parameters inside: this text is what state holds. Paths start at the directory of Pulumi.yaml. */
const provider: pulumi.dynamic.ResourceProvider = {
  configure: (request) => require("./components/dynamic.cjs")("cluster").configure(request),
  check: (olds, news) => require("./components/dynamic.cjs")("cluster").check(olds, news),
  diff: (id, olds, news) => require("./components/dynamic.cjs")("cluster").diff(id, olds, news),
  create: (inputs) => require("./components/dynamic.cjs")("cluster").create(inputs),
  read: (id, props) => require("./components/dynamic.cjs")("cluster").read(id, props),
  update: (id, olds, news) => require("./components/dynamic.cjs")("cluster").update(id, olds, news),
};

/**
 * Which cluster the stack is in: state keeps the cluster's own identity, and every preview, up, refresh and destroy that
 * finds another one behind the context ends there.
 */
export class ClusterIdentity extends pulumi.dynamic.Resource {
  constructor(name: string, args: Omit<IdentityInputs, "__provider">, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { ...args }, opts, "cluster", "ClusterIdentity");
  }
}
