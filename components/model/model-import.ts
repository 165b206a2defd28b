import * as pulumi from "@pulumi/pulumi";
import type { Model } from "../../config/config.ts";
import { importRun, type PlannedRun, type PulledModel, packagingRun } from "../../plan/model-runs.ts";
import type { PipelineRunArgs } from "../pipeline-run/index.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { modelRun, type PipelineRunsArgs } from "./model-run.ts";

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
  readonly registration:
    | {
        /** Name of the registry; undefined where only its URL is known. */
        readonly registry: string | undefined;
        readonly registeredModelId: pulumi.Output<string>;
        readonly modelVersionId: pulumi.Output<string>;
      }
    | undefined;
  /** The commit that was pulled. */
  readonly revision: pulumi.Output<string> | undefined;
  /** Name of the run that brought it. */
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

  /** To the object store, or to a volume of the model's own. */
  #imported(name: string, args: ModelImportArgs, model: PulledModel) {
    const planned = importRun(model, args.settings);
    const run = this.#run(name, args, planned, this.#volume(args));
    return {
      run,
      storageUri: run.results.apply(() => planned.storageUri),
      revision: run.results.revision,
    };
  }

  /** Into an image. */
  #packaged(name: string, args: ModelImportArgs, model: PulledModel, repository: string) {
    const { settings, modelcarBase: baseImage = "" } = args;
    const run = this.#run(name, args, packagingRun(model, settings, { repository, baseImage }), args.storage);
    return {
      run,
      storageUri: run.results["storage-uri"],
      revision: run.results.apply(() => model.source.revision),
    };
  }

  #run<Result extends string>(
    name: string,
    args: ModelImportArgs,
    planned: PlannedRun<Result>,
    volume: pulumi.Resource,
  ) {
    // The run had no parent once; it stays the same resource.
    const aliases = [{ parent: pulumi.rootStackResource }];
    return modelRun(name, args, planned, { parent: this, dependsOn: [volume], aliases });
  }

  /** The volume on which the run works: the one that all share, or one that is made for the model. */
  #volume({ model, storage }: ModelImportArgs): pulumi.Resource {
    if (model.package.kind !== "pvc") return storage;
    const { claim, kind: _, ...volume } = model.package;
    return storage.modelClaim(claim, volume, this);
  }
}
