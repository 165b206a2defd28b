/** Every example fits the program: its stack declares what it should, and its run is one that the pipeline accepts. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { parseConfig } from "../../config/config.ts";
import { secrets } from "../../config/schema.ts";
import { modelcar } from "../../pipelines/modelcar.ts";
import { runOf } from "../../pipelines/run.ts";
import { runSettings } from "../../pipelines/run-settings.ts";
import { tektonProblems } from "../schemas/tekton-references.ts";
import { directory, pipelineRun, scenarios, stack } from "./examples.ts";
import { type Manifest, type Program, runProgram, stackConfig } from "./record.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("./plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () => (await import("./plain-dynamic.ts")).readiness());

const encrypted = new Set(Object.keys(secrets));
const taskImages = ["compress", "evaluate", "guidellm"];
const image = `registry.test/image@sha256:${"c".repeat(64)}`;

/** Pulumi.yaml's defaults with nothing but the example's keys over them. */
function configOf(scenario: string, edit: (config: Manifest) => void = () => {}) {
  return stackConfig("dev", (config) => {
    const example = stack(scenario);
    for (const key of ["objectStore", "consoleUrl", "monitoring"]) delete config[key];
    Object.assign(config, { objectStore: {}, monitoring: {}, servingRuntimes: {}, project: {} }, example);
    edit(config);
  });
}
const rawOf = (config: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key.replace("modelcar:", ""),
      /^[[{]/.test(value) ? JSON.parse(value) : value,
    ]),
  );
const param = (run: Manifest, wanted: string) =>
  run.spec.params.find(({ name }: Manifest) => name === wanted)?.value;

test("there are the five scenarios of the ModelCar pipeline, and one that is a whole stack", () => {
  expect(scenarios).toEqual([
    "code-model",
    "custom-chat-template",
    "deploy-existing-image",
    "general-knowledge-model",
    "no-compression",
  ]);
  expect(readFileSync(join(directory, "two-mistral-models/README.md"), "utf8")).toContain("Pulumi.dev.yaml");
});

describe.each(scenarios)("%s", (scenario) => {
  let program: Program;
  beforeAll(async () => {
    // A manual run needs the pipeline, and so the images of its tasks, whatever the stack's models need.
    const config = configOf(scenario, ({ images }) => {
      for (const key of taskImages) images[key] ??= image;
    });
    program = await runProgram("dev", config);
  });
  const objects = () => program.resources.map(({ inputs }) => inputs).filter(({ kind }) => kind);

  test("as committed, the stack lacks only the user's values, and the errors name them", () => {
    const committed = stack(scenario, false);
    const result = parseConfig({ ...rawOf(stackConfig("dev")), ...committed, kubeContext: "" }, encrypted);
    const lines = "errors" in result ? result.errors : [];
    const keys = lines.map((line) => line.split(": ")[0]?.replace("modelcar:", ""));
    const { source } = committed.models[0];
    expect(keys.sort()).toEqual(
      [
        ...Object.keys(committed.images).map((key) => `images.${key}`),
        "kubeContext",
        "uri" in source ? "models[0].source.uri" : "models[0].source.revision",
      ].sort(),
    );
    const placeholder = lines.find((line) => line.startsWith("modelcar:models[0].source"));
    expect(placeholder).toMatch(/<commit>" must be the full commit SHA|<digest>" must be oci:/);
  });

  test("the program accepts the completed example, sizes included", () => {
    const model = stack(scenario).models[0];
    const runs = program.resources.filter(({ type }) => type.endsWith(":PipelineRun"));
    const pipelines = runs.map(({ inputs }) => inputs.spec.pipelineRef.name);
    expect(pipelines).toEqual([
      ...("huggingFace" in model.source ? ["modelcar"] : []),
      ...(model.test ? ["model-testing-v2"] : []),
    ]);
    expect(objects().find(({ kind }) => kind === "InferenceService")?.metadata.name).toBe(model.name);
  });

  test("the stack names only images that it needs", () => {
    const given: Manifest = stack(scenario);
    for (const key of Object.keys(given.images)) {
      const { [key]: _, ...images } = given.images;
      const raw = rawOf(configOf(scenario, (config) => Object.assign(config, { images })));
      expect(parseConfig(raw, encrypted), `without ${key}`).toHaveProperty("errors");
    }
  });

  test("the run fits the pipeline that the stack declares: params, workspaces, tasks", () => {
    const run = pipelineRun(scenario);
    expect(objects().some(({ kind, metadata }) => kind === "Pipeline" && metadata.name === "modelcar")).toBe(
      true,
    );
    expect(tektonProblems([...objects(), { ...run, metadata: { ...run.metadata, name: scenario } }])).toEqual(
      [],
    );
  });

  test("each of its tasks has the account, node and resources that the stack gives", () => {
    const { spec } = pipelineRun(scenario);
    const raw = parseConfig(rawOf(configOf(scenario)), encrypted);
    if ("errors" in raw) throw new Error(raw.errors.join("\n"));
    const { config } = raw;
    const [model] = config.models;
    const { params: _, ...expected } = runOf(modelcar, {
      settings: runSettings(config),
      secretWorkspaces: { "registry-auth": "quay-credentials" },
      params: {},
      jobs: { "compress-model": model?.compress, "evaluate-model": model?.evaluate },
    });
    const { params: __, ...given } = spec;
    expect(given).toEqual(JSON.parse(JSON.stringify(expected)));
    const accounts = objects()
      .filter(({ kind }) => kind === "ServiceAccount")
      .map(({ metadata }) => metadata.name);
    for (const { serviceAccountName } of spec.taskRunSpecs) expect(accounts).toContain(serviceAccountName);
  });

  test("only tasks that run the model are on nodes with GPUs", () => {
    const { taskRunTemplate, taskRunSpecs } = pipelineRun(scenario).spec;
    expect(taskRunTemplate.podTemplate).not.toHaveProperty("nodeSelector");
    expect(taskRunTemplate.podTemplate).not.toHaveProperty("tolerations");
    const onGpus = taskRunSpecs
      .filter((task: Manifest) => JSON.stringify(task).includes("nvidia.com"))
      .map(({ pipelineTaskName }: Manifest) => pipelineTaskName);
    const { compress } = stack(scenario).models[0];
    expect(onGpus).toEqual(compress ? ["compress-model", "evaluate-model"] : []);
  });

  test("run and stack agree on the model", () => {
    const run = pipelineRun(scenario);
    const { name, source, package: packaging, compress, evaluate, serve } = stack(scenario).models[0];
    expect(param(run, "MODEL_NAME")).toBe(name);
    expect(param(run, "MAX_MODEL_LEN")).toBe(String(serve.maxModelLen));
    expect([param(run, "GPUS"), param(run, "CPU"), param(run, "MEMORY")]).toEqual([
      String(serve.gpus),
      serve.cpu,
      serve.memory,
    ]);
    expect(param(run, "VLLM_ARGS") ?? "").toBe((serve.vllmArgs ?? []).join(" "));
    expect(param(run, "COMPRESS_MODEL") ?? "false").toBe(String(compress !== undefined));
    expect(param(run, "RECIPE")).toBe(compress?.recipe);
    expect(param(run, "TASKS")).toBe(evaluate?.tasks.join(","));
    expect(param(run, "RUN_GENERATED_CODE") ?? "false").toBe(String(evaluate?.runGeneratedCode ?? false));
    if (!("huggingFace" in source)) return;
    expect(param(run, "HUGGINGFACE_MODEL")).toBe(source.huggingFace);
    expect(param(run, "HUGGINGFACE_ALLOW_PATTERNS")).toBe(source.allowPatterns.join(" "));
    expect(param(run, "OCI_IMAGE")).toBe(packaging.image);
  });

  test("check-parameters does not accept the run's placeholder", () => {
    const run = pipelineRun(scenario, false);
    const value =
      scenario === "deploy-existing-image" ? param(run, "OCI_IMAGE") : param(run, "HUGGINGFACE_REVISION");
    expect(value).toMatch(/<commit>$|@sha256:<digest>$/);
  });

  test("it has a README", () => expect(existsSync(join(directory, scenario, "README.md"))).toBe(true));
});
