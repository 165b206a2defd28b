/** The serialiser of dynamic providers cannot run under vitest, so there these classes are plain resources. */
import type * as Pulumi from "@pulumi/pulumi";
import { vi } from "vitest";

async function plain(type: string, outputs: readonly string[]) {
  const pulumi = await vi.importActual<typeof Pulumi>("@pulumi/pulumi");
  const unset = Object.fromEntries(outputs.map((name) => [name, undefined]));
  return class extends pulumi.CustomResource {
    constructor(name: string, args: object, opts: Pulumi.CustomResourceOptions) {
      super(type, name, { ...args, ...unset }, opts);
    }
  };
}

/** In place of components/pipeline-run/index.ts. */
export async function pipelineRun() {
  return { PipelineRun: await plain("test:tekton:PipelineRun", ["name", "results"]) };
}

/** In place of components/readiness/index.ts. */
export async function readiness() {
  return { Readiness: await plain("test:kserve:Readiness", ["url"]) };
}

/** In place of components/cluster/index.ts. */
export async function clusterIdentity() {
  return { ClusterIdentity: await plain("test:cluster:ClusterIdentity", []) };
}
