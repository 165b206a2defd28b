import * as pulumi from "@pulumi/pulumi";
import type { Model } from "../config.ts";
import { digestOf } from "./digest.ts";
import {
  modelTesting,
  modelTestingResults,
  modelTestingRun,
  type TestSpec,
} from "./manifests/pipelines/model-testing.ts";
import type { PipelineRunsArgs } from "./model-import.ts";
import type { ModelService } from "./model-service.ts";
import { PipelineRun } from "./pipeline-run/index.ts";
import { Storage } from "./storage.ts";

export interface ModelTestingArgs extends PipelineRunsArgs {
  readonly model: Omit<Model, "source" | "test"> & {
    readonly source: { readonly huggingFace: string; readonly revision: string };
    readonly test: TestSpec;
  };
  readonly service: ModelService;
  /** The files that are served; others are measured anew. */
  readonly storageUri: pulumi.Output<string>;
}

/** The measurements of a served model: what it knows and how fast it is. */
export class ModelTesting extends pulumi.ComponentResource {
  /** What the run reported, by name. */
  readonly results: pulumi.Output<Record<string, string>>;
  readonly pipelineRun: pulumi.Output<string>;

  constructor(name: string, args: ModelTestingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("modelcar:pipelines:ModelTesting", name, {}, opts);
    const { context, namespace, model, service, storageUri, pipelines, registry, objectStore, storage } =
      args;
    const run = new PipelineRun(
      `${modelTesting.name}-${name}`,
      {
        context,
        namespace,
        prefix: `${modelTesting.name}-${model.name}`,
        spec: service.url.apply((url) => testingRun(args, url ?? "")),
        definition: pipelines.digests[modelTesting.name] ?? "",
        // How it is served decides how fast it is.
        trigger: storageUri.apply((uri) => digestOf([uri, model.serve])),
        expectedResults: modelTestingResults(model.test),
        ...args.run,
      },
      { parent: this, dependsOn: [service, pipelines, registry, objectStore, storage] },
    );
    this.results = run.results.apply((results): Record<string, string> => results);
    this.pipelineRun = run.name;
    this.registerOutputs({ results: this.results });
  }
}

function testingRun(args: ModelTestingArgs, url: string) {
  const { model, service, platform } = args;
  const secret = service.apiKeySecret;
  const byToken = model.serve.auth && platform === "openshift" ? "serviceAccount" : "none";
  return modelTestingRun({
    ...args,
    model,
    test: model.test,
    endpoint: { url, secret, auth: secret ? "token" : byToken },
    claim: Storage.claimName,
  });
}
