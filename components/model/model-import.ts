import * as pulumi from "@pulumi/pulumi";
import type { Model } from "../../config.ts";
import { importRun, type PlannedRun, type PulledModel, packagingRun } from "../../plan/model-runs.ts";
import type { RunSettings } from "../../plan/runs.ts";
import type { Registry } from "../model-registry/registry.ts";
import type { ObjectStore } from "../object-store/object-store.ts";
import { PipelineRun, type PipelineRunArgs } from "../pipeline-run/index.ts";
import type { Pipelines } from "../pipelines/pipelines.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import type { Storage } from "../storage/storage.ts";

/** Arguments that all pipeline runs of a stack share. */
export interface PipelineRunsArgs {
  readonly settings: RunSettings;
  readonly namespace: string;
  /** Context of the kubeconfig. */
  readonly context: string;
  readonly objectStore: ObjectStore;
  readonly registry: Registry;
  readonly storage: Storage;
  readonly pipelines: Pipelines;
  /** Options of the PipelineRun resources. */
  readonly run: Pick<PipelineRunArgs, "retries" | "onInterrupt" | "history" | "consoleUrl">;
}

export interface ModelImportArgs extends PipelineRunsArgs {
  readonly model: Model;
  /** Queue for runs that need GPUs. Default: they start at once. */
  readonly queue?: PipelineRunArgs["queue"];
  /** For package.kind modelcar: the base image. */
  readonly modelcarBase?: string | undefined;
}

/** A model in the place that it is served from: imported by a pipeline run, or already there. */
export class ModelImport extends pulumi.ComponentResource {
  /** s3://, pvc:// or oci://; known once the model is imported. */
  readonly storageUri: pulumi.Output<string>;
  /** The model in the registry. This and the following are undefined for a model that was already there. */
  readonly registration:
    | {
        /** Name of the registry; undefined if only its URL is known. */
        readonly registry: string | undefined;
        readonly registeredModelId: pulumi.Output<string>;
        readonly modelVersionId: pulumi.Output<string>;
      }
    | undefined;
  /** The commit that was pulled. */
  readonly revision: pulumi.Output<string> | undefined;
  /** Name of the run that imported it. */
  readonly pipelineRun: pulumi.Output<string> | undefined;

  constructor(name: string, args: ModelImportArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:pipelines:ModelImport", name, {}, inheritedDependsOn(opts));
    const { source, package: packaging } = args.model;
    if ("uri" in source) {
      this.storageUri = pulumi.output(source.uri);
    } else {
      const model = { ...args.model, source };
      const { run, storageUri, revision } =
        packaging.kind === "modelcar"
          ? this.#packaged(name, args, model, packaging.image)
          : this.#imported(name, args, model);
      this.storageUri = storageUri;
      this.registration = {
        registry: args.settings.registry.name,
        registeredModelId: run.results["registered-model-id"],
        modelVersionId: run.results["model-version-id"],
      };
      this.revision = revision;
      this.pipelineRun = run.name;
    }
    this.registerOutputs({ storageUri: this.storageUri });
  }

  /** Imports it into the object store, or onto the model's own volume. */
  #imported(name: string, args: ModelImportArgs, model: PulledModel) {
    const planned = importRun(model, args.settings);
    const run = this.#run(name, args, planned, this.#volume(args));
    return {
      run,
      storageUri: run.results.apply(() => planned.storageUri),
      revision: run.results.revision,
    };
  }

  /** Packages it into an image. */
  #packaged(name: string, args: ModelImportArgs, model: PulledModel, repository: string) {
    const { settings, modelcarBase: baseImage = "" } = args;
    const run = this.#run(name, args, packagingRun(model, settings, { repository, baseImage }), args.storage);
    return {
      run,
      storageUri: run.results["storage-uri"],
      revision: run.results.apply(() => model.source.revision),
    };
  }

  /** The volume that the run works on: the shared one, or one created for the model. */
  #volume({ model, storage }: ModelImportArgs): pulumi.Resource {
    if (model.package.kind !== "pvc") return storage;
    const { claim, kind: _, ...volume } = model.package;
    return storage.modelClaim(claim, volume, this);
  }

  #run<Result extends string>(
    name: string,
    args: ModelImportArgs,
    { pipeline, spec, expectedResults }: PlannedRun<Result>,
    volume: pulumi.Resource,
  ): PipelineRun<Result> {
    const { context, namespace, pipelines, registry, objectStore, model, queue } = args;
    return new PipelineRun<Result>(
      `${pipeline.name}-${name}`,
      {
        context,
        namespace,
        prefix: `${pipeline.name}-${model.name}`,
        spec,
        definition: pipelines.digests[pipeline.name] ?? "",
        expectedResults,
        ...(queue ? { queue } : {}),
        ...args.run,
      },
      {
        parent: this,
        dependsOn: [pipelines, registry, objectStore, volume],
        // The run once had no parent; the alias keeps it the same resource.
        aliases: [{ parent: pulumi.rootStackResource }],
      },
    );
  }
}
