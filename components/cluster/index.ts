import * as pulumi from "@pulumi/pulumi";
import type { IdentityInputs } from "./provider.ts";

/** Uses only `require` and parameters: state holds this text. Paths are relative to the directory of Pulumi.yaml. */
const provider: pulumi.dynamic.ResourceProvider = {
  configure: (request) => require("./components/dynamic.cjs")("cluster").configure(request),
  check: (olds, news) => require("./components/dynamic.cjs")("cluster").check(olds, news),
  diff: (id, olds, news) => require("./components/dynamic.cjs")("cluster").diff(id, olds, news),
  create: (inputs) => require("./components/dynamic.cjs")("cluster").create(inputs),
  read: (id, props) => require("./components/dynamic.cjs")("cluster").read(id, props),
  update: (id, olds, news) => require("./components/dynamic.cjs")("cluster").update(id, olds, news),
};

/**
 * The cluster that the stack is in: state keeps the cluster's identity, and every preview, up, refresh and destroy that
 * finds another cluster behind the context fails.
 */
export class ClusterIdentity extends pulumi.dynamic.Resource {
  constructor(name: string, args: Omit<IdentityInputs, "__provider">, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { ...args }, opts, "cluster", "ClusterIdentity");
  }
}
