/** A run that a user starts is the run that the program would start. */

import { expect, test } from "vitest";
import { modelAddress } from "../../rules/addresses.ts";
import { canary } from "../../test/program/record.ts";
import { manifestOf, modelOf, planRun } from "./plan.ts";
import { configOfStack, packaged } from "./test-stack.ts";

test.each([
  ["run-model-import", () => {}],
  ["run-model-testing", () => {}],
  ["run-modelcar", packaged],
] as const)("%s names its pipeline and contains no secret", (command, edit) => {
  const config = configOfStack("dev", edit);
  const { pipeline, spec } = planRun(command, config, "mistral-24b-quantized");
  expect(spec.pipelineRef.name).toBe(pipeline.name);
  expect(JSON.stringify(spec)).not.toContain(canary);
});

test("params override the config, each once", () => {
  const { spec } = planRun("run-modelcar", configOfStack("alone", packaged), "sums", {
    LIMIT: "3",
    DEPLOY_MODEL: "true",
  });
  const values = (wanted: string) =>
    spec.params.filter(({ name }) => name === wanted).map(({ value }) => value);
  expect([values("LIMIT"), values("DEPLOY_MODEL"), values("RECIPE")]).toEqual([["3"], ["true"], ["code"]]);
});

test("a run with GPUs is created pending, in its queue", () => {
  const config = configOfStack("dev", packaged);
  const manifest = manifestOf(config, planRun("run-modelcar", config, "mistral-24b-quantized"));
  expect(manifest.spec).toMatchObject({ status: "PipelineRunPending" });
  expect(manifest.metadata).toMatchObject({
    labels: { "modelcar/queue": "gpus" },
    annotations: { "modelcar/queue-gpus": "1" },
  });
});

test("the generated name fits, however long the model's name is", () => {
  const name = "m".repeat(48);
  const config = configOfStack("alone", (config) => {
    // KServe makes no host from longer names.
    config.namespace = "ai";
    config.models[0].name = name;
  });
  const { generateName } = manifestOf(config, planRun("run-model-testing", config, name)).metadata;
  expect(generateName.length + 5).toBeLessThanOrEqual(63);
  expect(generateName).toMatch(/^model-testing-v2-m+-$/);
});

test.each([
  [
    "run-model-import",
    "nope",
    {},
    /no model "nope"; modelcar:models has sums, mistral-24b-quantized, mistral-24b/,
  ],
  ["run-model-import", "mistral-24b", {}, /is at pvc:\/\/mistral-24b-pvc\/ already/],
  ["run-model-import", "sums", { MODEL: "x" }, /has no param MODEL; it has HUGGINGFACE_MODEL, /],
  ["run-modelcar", "sums", {}, /--param OCI_IMAGE=/],
] as const)("%s %s %o is refused", (command, model, params, message) => {
  expect(() => planRun(command, configOfStack("alone"), model, params)).toThrow(message);
});

test("a model that is an image is not imported, and one that is stopped is not tested", () => {
  const config = configOfStack("alone", (raw) => {
    packaged(raw);
    delete raw.models[0].test;
    raw.models[0].serve.stopped = true;
  });
  expect(() => planRun("run-model-import", config, "sums")).toThrow("use run-modelcar");
  expect(() => planRun("run-model-testing", config, "sums")).toThrow("serve.stopped");
  expect(
    planRun("run-model-testing", config, "sums", { ENDPOINT_URL: "http://elsewhere" }).spec.params,
  ).toContainEqual({
    name: "ENDPOINT_URL",
    value: "http://elsewhere",
  });
});

test("a model answers at its Service", () => {
  const config = configOfStack("alone");
  expect(modelAddress(config.namespace, modelOf(config, "sums"))).toBe(
    "http://sums-predictor.private-ai-demo.svc.cluster.local",
  );
});

test("a model image needs a base image", () => {
  const config = configOfStack("alone", ({ images }) => {
    delete images.modelcarBase;
  });
  const plan = () => planRun("run-modelcar", config, "sums", { OCI_IMAGE: "registry.test/a" });
  expect(plan).toThrow("--param BASE_IMAGE=");
});
