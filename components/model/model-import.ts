import * as pulumi from "@pulumi/pulumi";
import type { Model } from "../../config.ts";
import type { RunSettings } from "../../plan/runs.ts";
import type { Registry } from "../model-registry/registry.ts";
import type { ObjectStore } from "../object-store/object-store.ts";
import { PipelineRun, type PipelineRunArgs } from "../pipeline-run/index.ts";
import {
  type ImportTarget,
  importedUri,
  modelImport,
  modelImportRun,
  results,
} from "../pipelines/model-import.ts";
import { modelcar } from "../pipelines/modelcar.ts";
import { modelcarResults, modelcarRun } from "../pipelines/modelcar-run.ts";
import type { Pipelines } from "../pipelines/pipelines.ts";
import type { PipelineRunSpec } from "../pipelines/tekton.ts";
import { modelPlacement } from "../serving/vllm.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import type { Storage } from "../storage/storage.ts";

/** What the pipeline runs of a stack have in common. */
export interface PipelineRunsArgs {
  readonly settings: RunSettings;
  readonly namespace: string;
  /** Context of the kubeconfig. */
  readonly context: string;
  readonly objectStore: ObjectStore;
  readonly registry: Registry;
  readonly storage: Storage;
  readonly pipelines: Pipelines;
  /** How a run is treated: retries, interruption, history. */
  readonly run: Pick<PipelineRunArgs, "retries" | "onInterrupt" | "history" | "consoleUrl">;
}

export interface ModelImportArgs extends PipelineRunsArgs {
  readonly model: Model;
  /** For runs that need GPUs. Default: they start at once. */
  readonly queue?: PipelineRunArgs["queue"];
  /** For package.kind modelcar: the image below the model. */
  readonly modelcarBase?: string | undefined;
}

/** A model where it can be served from: brought there by a pipeline run, or there already. */
export class ModelImport extends pulumi.ComponentResource {
  /** s3://, pvc:// or oci://; known once the model is there. */
  readonly storageUri: pulumi.Output<string>;
  /** The model in the registry. Undefined, as the rest here, for a model that was there already. */
  readonly registration: Record<"registeredModelId" | "modelVersionId", pulumi.Output<string>> | undefined;
  /** The commit that was pulled. */
  readonly revision: pulumi.Output<string> | undefined;
  /** Name of the run that brought it. */
  readonly pipelineRun: pulumi.Output<string> | undefined;
  /** All that the run reported, by name. */
  readonly results: pulumi.Output<Record<string, string>> | undefined;

  constructor(name: string, args: ModelImportArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:pipelines:ModelImport", name, {}, inheritedDependsOn(opts));
    const { source, package: packaging } = args.model;
    if ("uri" in source) {
      this.storageUri = pulumi.output(source.uri);
    } else {
      const model = { ...args.model, source };
      const [run, storageUri, revision] =
        packaging.kind === "modelcar"
          ? this.#modelcar(name, args, model, packaging.image)
          : this.#import(name, args, model);
      this.storageUri = storageUri;
      this.registration = {
        registeredModelId: run.results["registered-model-id"],
        modelVersionId: run.results["model-version-id"],
      };
      this.revision = revision;
      this.pipelineRun = run.name;
      this.results = run.results.apply((results): Record<string, string> => results);
    }
    this.registerOutputs({ storageUri: this.storageUri });
  }

  /** Pipeline model-import: to the object store, or to a volume of the model's own. */
  #import(name: string, args: ModelImportArgs, model: Parameters<typeof modelImportRun>[0]["model"]) {
    const [target, volume] = this.#target(args);
    const made = { settings: args.settings, model, target };
    const spec = modelImportRun(made);
    const run = this.#run(name, modelImport.name, args, spec, Object.keys(results) as Result[], volume);
    return [run, run.results.apply(() => importedUri(made)), run.results.revision] as const;
  }

  /** Pipeline modelcar: into an image. */
  #modelcar(
    name: string,
    args: ModelImportArgs,
    model: Parameters<typeof modelcarRun>[0]["model"],
    repository: string,
  ) {
    const { settings, modelcarBase: baseImage = "" } = args;
    const spec = modelcarRun({ settings, model, repository, baseImage });
    const run = this.#run(name, modelcar.name, args, spec, modelcarResults(model), args.storage);
    return [run, run.results["storage-uri"], run.results.apply(() => model.source.revision)] as const;
  }

  /** Where an imported model goes, and the volume on which the run works: the one that all share, or one that is made for it. */
  #target({ model, settings, storage }: ModelImportArgs): [ImportTarget, pulumi.Resource] {
    if (model.package.kind !== "pvc") return [{ kind: "s3" }, storage];
    const { claim, kind: _, ...volume } = model.package;
    const target = {
      kind: "pvc" as const,
      claim,
      placement: modelPlacement(model.serve, settings.accelerators),
    };
    return [target, storage.modelClaim(claim, volume, this)];
  }

  #run(
    name: string,
    pipeline: string,
    args: ModelImportArgs,
    spec: PipelineRunSpec,
    expectedResults: readonly Result[],
    volume: pulumi.Resource,
  ): PipelineRun<Result> {
    const { context, namespace, pipelines, registry, objectStore, model, queue } = args;
    return new PipelineRun<Result>(
      `${pipeline}-${name}`,
      {
        context,
        namespace,
        prefix: `${pipeline}-${model.name}`,
        spec,
        definition: pipelines.digests[pipeline] ?? "",
        expectedResults,
        ...(queue ? { queue } : {}),
        ...args.run,
      },
      {
        parent: this,
        dependsOn: [pipelines, registry, objectStore, volume],
        // The run stood on its own once; it stays the same resource.
        aliases: [{ parent: pulumi.rootStackResource }],
      },
    );
  }
}

type Result = keyof typeof results | ReturnType<typeof modelcarResults>[number];
