import * as pulumi from "@pulumi/pulumi";
import type { Model } from "../config.ts";
import {
  type ImportResult,
  type ImportTarget,
  importedUri,
  modelImportRun,
  pipelineName,
  results,
} from "./manifests/model-import.ts";
import type { Platform } from "./manifests/security.ts";
import type { ServeSpec } from "./manifests/vllm.ts";
import { modelPlacement } from "./manifests/vllm.ts";
import type { ObjectStore } from "./object-store.ts";
import { PipelineRun, type PipelineRunArgs } from "./pipeline-run/index.ts";
import type { Pipelines } from "./pipelines.ts";
import type { Registry } from "./registry.ts";
import { Storage } from "./storage.ts";

export interface ModelImportArgs {
  readonly model: Pick<Model, "name" | "source" | "package"> & { readonly serve: ServeSpec };
  readonly accelerators: Parameters<typeof modelPlacement>[1];
  readonly platform: Platform;
  readonly namespace: string;
  /** Context of the kubeconfig. */
  readonly context: string;
  readonly huggingFaceEndpoint: string;
  readonly objectStore: ObjectStore;
  readonly storage: Storage;
  readonly registry: Registry;
  readonly pipelines: Pipelines;
  readonly timeoutMinutes: number;
  /** How the run is treated: retries, interruption, history. */
  readonly run: Pick<PipelineRunArgs, "retries" | "onInterrupt" | "history" | "consoleUrl">;
  readonly pullSecrets: readonly string[];
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

  constructor(name: string, args: ModelImportArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:pipelines:ModelImport", name, {}, opts);
    const { source } = args.model;
    if ("uri" in source) {
      this.storageUri = pulumi.output(source.uri);
    } else {
      const [target, claim] = this.#target(args);
      const model = { ...args.model, source };
      const run = this.#run(name, args, model, target, claim ? [claim] : []);
      this.storageUri = run.results.apply(() => importedUri(model, target));
      this.registration = {
        registeredModelId: run.results["registered-model-id"],
        modelVersionId: run.results["model-version-id"],
      };
      this.revision = run.results.revision;
      this.pipelineRun = run.name;
    }
    this.registerOutputs({ storageUri: this.storageUri });
  }

  /** Where the model goes, and the claim that is made for it. */
  #target({ model, accelerators, objectStore, storage }: ModelImportArgs): [ImportTarget, pulumi.Resource?] {
    if (model.package.kind === "s3") {
      return [{ kind: "s3", bucket: objectStore.bucket, claim: Storage.claimName }];
    }
    const { claim, kind: _, ...volume } = model.package;
    const target = { kind: "pvc" as const, claim, placement: modelPlacement(model.serve, accelerators) };
    return [target, storage.modelClaim(claim, volume)];
  }

  #run(
    name: string,
    args: ModelImportArgs,
    model: Parameters<typeof modelImportRun>[0]["model"],
    target: ImportTarget,
    claims: pulumi.Resource[],
  ): PipelineRun<ImportResult> {
    const { context, namespace, platform, pipelines, registry, objectStore, timeoutMinutes } = args;
    const { huggingFaceEndpoint, pullSecrets } = args;
    const spec = modelImportRun({
      platform,
      model,
      target,
      huggingFaceEndpoint,
      s3Endpoint: objectStore.endpoint,
      registry,
      timeoutMinutes,
      pullSecrets,
    });
    const expectedResults = Object.keys(results) as ImportResult[];
    return new PipelineRun<ImportResult>(
      `${pipelineName}-${name}`,
      {
        context,
        namespace,
        prefix: `${pipelineName}-${model.name}`,
        spec,
        definition: pipelines.modelImport,
        expectedResults,
        ...args.run,
      },
      {
        parent: this,
        dependsOn: [pipelines, registry, objectStore, args.storage, ...claims],
        // The run stood on its own once; it stays the same resource.
        aliases: [{ parent: pulumi.rootStackResource }],
      },
    );
  }
}
