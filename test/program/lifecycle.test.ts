/** What is declared for a model that must pass gates before it is served, and in which order. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { type Manifest, type Recorded, runProgram, stackConfig } from "./record.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("./plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () => (await import("./plain-dynamic.ts")).readiness());

const isRun = ({ type }: Recorded) => type.endsWith(":PipelineRun");
const isService = ({ type }: Recorded) => type.endsWith(":InferenceService");
const pipelineOf = ({ inputs }: Recorded) => inputs.spec.pipelineRef.name;
const paramsOf = ({ inputs }: Recorded): Record<string, string> =>
  Object.fromEntries(inputs.spec.params.map(({ name, value }: Manifest) => [name, value]));

/** Runs and services as they were declared. */
const declared = (edit?: (config: Manifest) => void) => runProgram("local", stackConfig("local", edit));
const namesOf = (resources: readonly Recorded[]) =>
  resources.filter((resource) => isRun(resource) || isService(resource)).map(({ name }) => name);

describe("a model with a base and gates", () => {
  let resources: readonly Recorded[];
  const run = (name: string) => resources.filter(isRun).find((each) => each.name === name) as Recorded;
  beforeAll(async () => {
    ({ resources } = await declared());
  });

  test("is made after its base is measured, and served after it is measured and judged", () => {
    const order = namesOf(resources).filter((name) => !name.startsWith("mistral"));
    expect(order).toEqual([
      "model-import-sums",
      "sums",
      "model-testing-v2-sums",
      "modelcar-sums-quantized",
      "candidate-testing-sums-quantized",
      "model-comparison-sums-quantized",
      "sums-quantized",
    ]);
  });

  test("is measured as it will be served, under its own name", () => {
    const { spec } = JSON.parse(
      paramsOf(run("candidate-testing-sums-quantized")).INFERENCE_SERVICE as string,
    );
    const service = resources.filter(isService).find(({ name }) => name === "sums-quantized")?.inputs;
    const { labels, ...predictor } = service.spec.predictor;
    expect(spec.predictor).toEqual({
      ...predictor,
      labels: { ...labels, "app.kubernetes.io/name": "sums-quantized-candidate" },
    });
  });

  test("is compared from what both runs stored, and judged by its own gates", () => {
    expect(pipelineOf(run("model-comparison-sums-quantized"))).toBe("model-comparison");
    expect(paramsOf(run("model-comparison-sums-quantized"))).toMatchObject({
      MODEL_NAME: "sums-quantized",
      BASE_MODEL_NAME: "sums",
      HOURLY_USD: "0.1",
      GATES: "recovery>=0.95 ttft-ms-p95<=2000 error-rate<=0.01",
    });
  });
});

test("without gates a model is compared where it is served", async () => {
  const { resources } = await declared(({ models }) => {
    delete models[3].test.evaluate.gate;
    delete models[3].test.benchmark.gate;
  });
  const order = namesOf(resources).filter((name) => name.includes("sums-quantized"));
  expect(order).toEqual([
    "modelcar-sums-quantized",
    "sums-quantized",
    "model-testing-v2-sums-quantized",
    "model-comparison-sums-quantized",
  ]);
});

test("a base that is stopped is measured as a candidate, and never served", async () => {
  const { resources } = await declared(({ models }) => {
    models[0].serve.stopped = true;
  });
  const runs = resources.filter(isRun).map(({ name }) => name);
  expect(runs).toContain("candidate-testing-sums");
  const service = resources.filter(isService).find(({ name }) => name === "sums")?.inputs;
  expect(service.metadata.annotations["serving.kserve.io/stop"]).toBe("true");
  const candidate = JSON.parse(
    paramsOf(resources.find(({ name }) => name === "candidate-testing-sums") as Recorded)
      .INFERENCE_SERVICE as string,
  );
  expect(candidate.metadata.annotations).not.toHaveProperty(["serving.kserve.io/stop"]);
});

test("in a preview before the import, the runs after it know all params except those that the import gives", async () => {
  const resources: Recorded[] = [];
  const later = ({ name }: Recorded) => /^(modelcar|candidate-testing)-sums-quantized$/.test(name);
  await runProgram("local", stackConfig("local"), resources, later);
  const unknownOf = (run: string) => {
    const { inputs } = resources.find(({ name }) => name === run) as Recorded;
    const params: Manifest[] = inputs.spec.params;
    expect(params.length).toBeGreaterThan(15);
    return params.filter(({ value }) => typeof value !== "string").map(({ name }) => name);
  };
  expect(unknownOf("candidate-testing-sums-quantized")).toEqual(["INFERENCE_SERVICE"]);
  expect(unknownOf("model-comparison-sums-quantized")).toEqual(["ARTIFACTS_URI", "SERVED_FROM"]);
  expect(unknownOf("model-testing-v2-sums")).toEqual([]);
});
