/** The serializer of dynamic providers cannot run under vitest, so these classes are plain resources there. */
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

/** Replaces components/pipeline-run/index.ts. */
export async function pipelineRun() {
  return { PipelineRun: await plain("test:tekton:PipelineRun", ["name", "results"]) };
}

/** Replaces components/readiness/index.ts. */
export async function readiness() {
  return { Readiness: await plain("test:kserve:Readiness", ["url"]) };
}

/** Replaces components/cluster/index.ts. */
export async function clusterIdentity() {
  return { ClusterIdentity: await plain("test:cluster:ClusterIdentity", []) };
}
