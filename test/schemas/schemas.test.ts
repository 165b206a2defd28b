/**
 * Every object that the stacks declare fits the schema of its API, closed, and the schema of each kind rejects mistakes.
 * Not covered: CEL rules, admission webhooks and quotas, which test/cluster/dev-stack.test.ts tests on a real API server.
 */
import { describe, expect, test, vi } from "vitest";
import { declaredObjects, stacks } from "./declared.ts";
import { examples } from "./examples.ts";
import { type Mutant, pathText, withOtherTypes, withoutFields, withUnknownFields } from "./mutants.ts";
import { type Kind, kindName, problemsOf } from "./validator.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("../program/plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () =>
  (await import("../program/plain-dynamic.ts")).readiness(),
);

/** Maps, which take any key; every other object of every API is closed. */
const maps =
  /(^|\.)(labels|annotations|matchLabels|nodeSelector|data|stringData)$|^spec\.selector$|triggers\.\*\.metadata$/;
/** What every object needs; most kinds need more, by their schemas. */
const alwaysRequired = ["apiVersion", "kind", "metadata", "metadata.name"];

const declared = new Map<string, Awaited<ReturnType<typeof declaredObjects>>>();
for (const stack of stacks) declared.set(stack, await declaredObjects(stack));
const objects = [...[...declared.values()].flat(), ...examples];
const kinds = new Map(
  objects.map((object) => [
    kindName(object),
    objects.filter((other) => kindName(other) === kindName(object)),
  ]),
);

describe.each([...declared])("stack %s", (_, all) => {
  test("declares objects, and each is valid", async () => {
    expect(all.length).toBeGreaterThan(15);
    expect((await Promise.all(all.map((object) => problemsOf(object)))).flat()).toEqual([]);
  });
});

test.each(examples.map((example) => [example.kind, example] as const))(
  "the example of %s is valid",
  async (_, example) => {
    expect(await problemsOf(example)).toEqual([]);
  },
);

describe.each([...kinds])("%s", (_, ofKind) => {
  /** Paths of the mutants of all objects of the kind that the schema accepts or, with `valid` false, refuses. */
  const paths = async (mutate: (object: object) => Mutant[], valid = true) => {
    const found = new Set<string>();
    for (const object of ofKind) {
      for (const mutant of mutate(object)) {
        if (((await problemsOf(mutant.object, object)).length === 0) === valid)
          found.add(pathText(mutant.path));
      }
    }
    return [...found];
  };

  test("an unknown field is refused at every depth but in maps", async () => {
    expect((await paths(withUnknownFields)).filter((path) => !maps.test(path))).toEqual([]);
    expect(await paths(withUnknownFields, false)).toEqual(expect.arrayContaining(["", "metadata"]));
  });

  test("a value of another type is refused at every place", async () => {
    expect(await paths(withOtherTypes)).toEqual([]);
  });

  test("an object without a field that is required is refused", async () => {
    expect(await paths(withoutFields, false)).toEqual(expect.arrayContaining(alwaysRequired));
  });
});

test.each([
  ["Deployment", ["spec.selector", "spec.template.spec.containers.*.name"]],
  ["InferenceService", ["spec.predictor", "spec.predictor.model.modelFormat.name"]],
  ["ServingRuntime", ["spec.containers", "spec.containers.*.name"]],
  ["Task", ["spec.params.*.name", "spec.steps.*.name"]],
  ["PipelineRun", ["spec.params.*.name", "spec.params.*.value"]],
  ["RoleBinding", ["roleRef"]],
  ["Route", ["spec.to"]],
  ["ServiceMonitor", ["spec.selector", "spec.endpoints"]],
  ["PrometheusRule", ["spec.groups.*.name", "spec.groups.*.rules.*.expr"]],
  ["GrafanaDashboard", ["spec.instanceSelector"]],
  ["ScaledObject", ["spec.scaleTargetRef", "spec.triggers"]],
  ["ModelRegistry", ["spec.rest", "spec.mysql.host"]],
])("fields that %s requires are known to its schema", async (kind, required) => {
  const refused = new Set<string>();
  for (const object of objects.filter((candidate) => candidate.kind === kind)) {
    for (const mutant of withoutFields(object))
      if ((await problemsOf(mutant.object, object)).some((problem) => problem.includes("is missing")))
        refused.add(pathText(mutant.path));
  }
  expect([...refused]).toEqual(expect.arrayContaining(required));
});

test("a problem names the object, the path and what is allowed", async () => {
  const [runtime] = kinds.get("serving.kserve.io/v1alpha1 ServingRuntime") ?? [];
  const spoilt = structuredClone(runtime);
  if (!spoilt) throw new Error("no ServingRuntime is declared");
  spoilt.spec.containers[0].imagee = "x";
  spoilt.spec.multiModel = "no";
  expect(await problemsOf(spoilt)).toEqual([
    expect.stringMatching(
      /^ServingRuntime private-ai-demo\/vllm-\w+: spec\.containers\.0: unknown field "imagee"; allowed: args, command, .*image, /,
    ),
    expect.stringMatching(/: spec\.multiModel: "no" must be boolean$/),
  ]);
});

test("a kind without a schema is an error", async () => {
  const refusal = (kind: Kind) => problemsOf({ ...kind, metadata: { name: "x" } }).catch(String);
  expect(await refusal({ apiVersion: "example.com/v1", kind: "Stranger" })).toBe(
    "Error: no pinned package has a schema of example.com/v1 Stranger: add it to packages.ts",
  );
  expect(await refusal({ apiVersion: "tekton.dev/v0", kind: "Task" })).toBe(
    "Error: tasks.tekton.dev has no version v0",
  );
});
