import type * as pulumi from "@pulumi/pulumi";
import type { RunSettings } from "../../pipelines/run-settings.ts";
import type { PlannedRun } from "../../plan/model-runs.ts";
import type { Registry } from "../model-registry/registry.ts";
import type { ObjectStore } from "../object-store/object-store.ts";
import { PipelineRun, type PipelineRunArgs } from "../pipeline-run/index.ts";
import type { Pipelines } from "../pipelines/pipelines.ts";
import type { Storage } from "../storage/storage.ts";

/** What all pipeline runs of a stack share. */
export interface PipelineRunsArgs {
  readonly settings: RunSettings;
  readonly namespace: string;
  /** Context of the kubeconfig. */
  readonly context: string;
  readonly objectStore: ObjectStore;
  readonly registry: Registry;
  readonly storage: Storage;
  readonly pipelines: Pipelines;
  /** Retries, interruption and history. */
  readonly run: Pick<PipelineRunArgs, "retries" | "onInterrupt" | "history" | "consoleUrl">;
}

export interface ModelRunArgs extends Omit<PipelineRunsArgs, "settings" | "storage"> {
  readonly model: { readonly name: string };
  /** For runs that need GPUs. Default: they start at once. */
  readonly queue?: PipelineRunArgs["queue"];
  /** Another value starts another run. Default: none. */
  readonly trigger?: pulumi.Input<string>;
}

/** Declares a planned run of a model. It starts after its pipeline, the data services and whatever `opts` depend on. */
export function modelRun<Result extends string>(
  name: string,
  args: ModelRunArgs,
  { pipeline, spec, expectedResults }: PlannedRun<Result, pulumi.Input<string>>,
  opts: Omit<pulumi.CustomResourceOptions, "dependsOn"> & { readonly dependsOn: readonly pulumi.Resource[] },
): PipelineRun<Result> {
  const { context, namespace, pipelines, registry, objectStore, model, queue, trigger } = args;
  return new PipelineRun<Result>(
    `${pipeline.name}-${name}`,
    {
      context,
      namespace,
      prefix: `${pipeline.name}-${model.name}`,
      spec,
      definition: pipelines.digests[pipeline.name] ?? "",
      expectedResults,
      ...(trigger ? { trigger } : {}),
      ...(queue ? { queue } : {}),
      ...args.run,
    },
    { ...opts, dependsOn: [pipelines, registry, objectStore, ...opts.dependsOn] },
  );
}
