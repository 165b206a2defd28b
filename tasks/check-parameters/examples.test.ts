/**
 * The params of check-parameters in the examples' runs, with the defaults from the pipeline of each example's stack.
 * test_examples.py runs the script with them. After an intended change run npx vitest run -u on this file.
 */
import { expect, test, vi } from "vitest";
import { pipelineRun, scenarios, stack } from "../../test/program/examples.ts";
import { type Manifest, runProgram, stackConfig } from "../../test/program/record.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("../../test/program/plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () =>
  (await import("../../test/program/plain-dynamic.ts")).readiness(),
);

const image = `registry.test/image@sha256:${"c".repeat(64)}`;
/** Without these the stack does not declare the pipeline modelcar. */
const images = { compress: image, evaluate: image, guidellm: image };

/** Values by param in a run of the example: the run's, otherwise the pipeline's default. */
async function checkedParams(scenario: string): Promise<Record<string, string>> {
  const example = stack(scenario);
  const config = stackConfig("dev", (config) => {
    for (const key of ["objectStore", "consoleUrl", "monitoring"]) delete config[key];
    const none = { objectStore: {}, monitoring: {}, servingRuntimes: {}, project: {} };
    Object.assign(config, none, example, { images: { ...images, ...example.images } });
  });
  const { resources } = await runProgram("dev", config);
  const pipeline = resources.find(
    ({ inputs }) => inputs.kind === "Pipeline" && inputs.metadata.name === "modelcar",
  )?.inputs.spec;
  const given = new Map<string, string>(
    [...pipeline.params, ...pipelineRun(scenario).spec.params].map(
      ({ name, value, default: otherwise }: Manifest) => [name, value ?? otherwise],
    ),
  );
  const step = pipeline.tasks.find(({ name }: Manifest) => name === "check-parameters");
  return Object.fromEntries(
    step.params.map(({ name, value }: Manifest) => {
      const [, param = ""] = /^\$\(params\.(\w+)\)$/.exec(value) ?? [];
      return [name, given.get(param) ?? `no value for ${value}`];
    }),
  );
}

test("the params in examples.json for test_examples.py are up to date", async () => {
  const byScenario: Record<string, Record<string, string>> = {};
  for (const scenario of scenarios) byScenario[scenario] = await checkedParams(scenario);
  await expect(`${JSON.stringify(byScenario, null, 2)}\n`).toMatchFileSnapshot("examples.json");
}, 180_000);
