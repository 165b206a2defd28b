import * as pulumi from "@pulumi/pulumi";
import type { Model } from "../../config/config.ts";
import type { ModelPlan } from "../../plan/models.ts";
import type { PipelineRunArgs } from "../pipeline-run/index.ts";
import { inheritedDependsOn } from "../shared/inherited-depends-on.ts";
import { modelRun, type PipelineRunsArgs } from "./model-run.ts";

export interface ModelImportArgs extends PipelineRunsArgs {
  readonly model: Model;
  readonly importRun: ModelPlan["importRun"];
  /** For runs that need GPUs. Default: they start at once. */
  readonly queue?: PipelineRunArgs["queue"];
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
    const { model, importRun, settings } = args;
    if (importRun && "huggingFace" in model.source) {
      const { revision } = model.source;
      // The run once had no parent; the alias keeps it the same resource.
      const aliases = [{ parent: pulumi.rootStackResource }];
      const opts = { parent: this, dependsOn: [this.#volume(args)], aliases };
      const run = modelRun<string>(name, args, importRun, opts);
      const result = (of: string) => run.results.apply((results) => results[of] ?? "");
      const isImage = !("storageUri" in importRun);
      this.storageUri = isImage ? result("storage-uri") : run.results.apply(() => importRun.storageUri);
      this.revision = isImage ? run.results.apply(() => revision) : result("revision");
      this.registration = {
        registry: settings.registry.name,
        registeredModelId: result("registered-model-id"),
        modelVersionId: result("model-version-id"),
      };
      this.pipelineRun = run.name;
    } else {
      this.storageUri = pulumi.output("uri" in model.source ? model.source.uri : "");
    }
    this.registerOutputs({ storageUri: this.storageUri });
  }

  /** The volume that the run uses: the shared one, or the model's own. */
  #volume({ model, storage }: ModelImportArgs): pulumi.Resource {
    if (model.package.kind !== "pvc") return storage;
    const { claim, kind: _, ...volume } = model.package;
    return storage.modelClaim(claim, volume, this);
  }
}
