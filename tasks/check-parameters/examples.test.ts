/**
 * What check-parameters gets in the runs of the examples, with what the pipeline of each example's own stack adds to their
 * params. test_examples.py runs the script on it. Where it changes with reason: npx vitest run -u on this file.
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
/** Without them the stack has no pipeline modelcar that its user could run. */
const images = { compress: image, evaluate: image, guidellm: image };

/** Values by param, as a run of the example gets them: its own, else the pipeline's default. */
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

test("the file from which test_examples.py runs the script is of these examples", async () => {
  const byScenario: Record<string, Record<string, string>> = {};
  for (const scenario of scenarios) byScenario[scenario] = await checkedParams(scenario);
  await expect(`${JSON.stringify(byScenario, null, 2)}\n`).toMatchFileSnapshot("examples.json");
}, 180_000);
