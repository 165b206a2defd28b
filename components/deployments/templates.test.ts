import { describe, expect, test } from "vitest";
import { loadTasks } from "../../plan/tasks.ts";
import { given } from "../../rules/given.ts";
import { deploymentTemplates, type Template } from "./templates.ts";

const runtime = { args: ["--enable-prefix-caching"], env: { HF_HOME: "/tmp/hf" }, startupMinutes: 30 };
const made = deploymentTemplates({
  endpoint: { exposure: "route", timeoutSeconds: 900, mesh: false },
  servingRuntimes: { "vllm-cuda": runtime, "vllm-cpu": runtime },
  gpuMemoryUtilization: 0.9,
});

/** Params in the formulas of templates, without functions. */
const params = (templates: readonly Template[]): string[] => {
  const holes = [...JSON.stringify(templates).matchAll(/\$\{([^}|]*)|"\$number":"([^"]*)"/g)];
  const names = holes.flatMap(
    ([, text, number]) => (text ?? number ?? "").match(/\b[A-Z][A-Z_0-9]+\b/g) ?? [],
  );
  return [...new Set(names)].sort();
};
const paramsOf = (task: string) => (loadTasks("tasks", [task])[0]?.spec.params ?? []).map(({ name }) => name);
const of = (kind: keyof typeof made, when: Record<string, string>) =>
  made[kind].find((template) => Object.entries(when).every(([key, value]) => template.when[key] === value))
    ?.objects ?? [];

describe("a template uses only params of its task", () => {
  test("deploy-model", () => {
    const derived = ["NAMESPACE", "SERVICE_NAME"];
    const unknown = params([...made.model, ...made.runtime]).filter(
      (name) => ![...paramsOf("deploy-model"), ...derived].includes(name),
    );
    expect(unknown).toEqual([]);
  });

  test("deploy-anythingllm", () => {
    const unknown = params(made.chat).filter(
      (name) => ![...paramsOf("deploy-anythingllm"), "NAMESPACE"].includes(name),
    );
    expect(unknown).toEqual([]);
  });
});

test("each case has one template", () => {
  for (const templates of Object.values(made)) {
    const cases = templates.map(({ when }) => JSON.stringify(when));
    expect(new Set(cases).size).toBe(cases.length);
  }
  expect(made.model).toHaveLength(3 * 4 + 3);
});

test("several GPUs have tensor parallelism, one has its memory limit, none has threads", () => {
  const args = (GPUS: string) => {
    const [service] = of("model", { PLATFORM: "kubernetes", GPUS }) as [
      { spec: { predictor: { model: { args: string[]; env?: object[] } } } },
    ];
    return service.spec.predictor.model;
  };
  expect(args("several").args).toEqual([
    `--max-model-len=${given("MAX_MODEL_LEN")}`,
    "--gpu-memory-utilization=0.9",
    `--tensor-parallel-size=${given("GPUS")}`,
    given("VLLM_ARGS"),
  ]);
  expect(args("one").args).not.toContain(`--tensor-parallel-size=${given("GPUS")}`);
  expect(args("none").env).toEqual([{ name: "OMP_NUM_THREADS", value: given("whole_cores(CPU)") }]);
});

test("a model's own runtime is the program's, with the stack's settings", () => {
  const [own] = of("runtime", { BUILD: "vllm-cpu" }) as [
    { metadata: object; spec: { containers: object[] } },
  ];
  expect(own.metadata).toMatchObject({ name: given("SERVICE_NAME") });
  expect(own.spec.containers[0]).toMatchObject({
    image: given("RUNTIME_IMAGE"),
    lifecycle: { preStop: {} },
    args: expect.arrayContaining(["--distributed-executor-backend=uni", "--enable-prefix-caching"]),
  });
  expect(JSON.stringify(own)).toContain('"failureThreshold":{"$number":"12 * (STARTUP_MINUTES)"}');
});

test("the templates fit a ConfigMap", () => {
  expect(JSON.stringify(made).length).toBeLessThan(200_000);
});
