/**
 * Declares one resource of each dynamic class with the arguments on standard input, and prints what Pulumi would send to their
 * providers. A separate process, because the serializer of providers does not run under vitest.
 */
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { PipelineRun } from "../../components/pipeline-run/index.ts";
import { Readiness } from "../../components/readiness/index.ts";

const inputs: Record<string, unknown> = {};
await pulumi.runtime.setMocks({
  newResource: (resource) => {
    inputs[resource.type] = resource.inputs;
    return { id: "id", state: resource.inputs };
  },
  call: (call) => call.inputs,
});
const { run, readiness } = JSON.parse(readFileSync(0, "utf8"));
new PipelineRun("run", run);
new Readiness("readiness", readiness);
await pulumi.runtime.disconnect();
console.log(JSON.stringify(inputs));
