import * as tekton from "@modelcar/tekton-run";
import type * as pulumi from "@pulumi/pulumi";
import { conventions } from "./conventions.ts";

export type { PipelineRunArgs } from "@modelcar/tekton-run";

/** A Tekton PipelineRun that has succeeded, with this program's conventions. */
export class PipelineRun<Result extends string = string> extends tekton.PipelineRun<Result> {
  constructor(name: string, args: tekton.PipelineRunArgs<Result>, opts?: pulumi.CustomResourceOptions) {
    super(name, args, opts, conventions);
  }
}
