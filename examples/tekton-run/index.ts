import { PipelineRun } from "@modelcar/tekton-run";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const pipeline = config.require("pipeline");

const run = new PipelineRun(pipeline, {
  // The content of a kubeconfig, encrypted in the stack's config. For a cluster that this program creates: `cluster.kubeconfig`.
  kubeconfig: config.requireSecret("kubeconfig"),
  namespace: config.require("namespace"),
  prefix: pipeline,
  spec: { pipelineRef: { name: pipeline }, timeouts: { pipeline: "10m0s" } },
  definition: "1",
  expectedResults: ["word"],
});

/** The pipeline's result `word`. */
export const word = run.results.word;
/** Name of the PipelineRun. */
export const name = run.name;
