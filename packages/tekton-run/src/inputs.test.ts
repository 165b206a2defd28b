import fc from "fast-check";
import { expect, test } from "vitest";
import { changedInputs } from "./changes.ts";
import { baseName, inputFailures, inputsDigest, type RunInputs, timeoutOf } from "./inputs.ts";

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const value = fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 3 }));
const byName = { selector: (item: { name: string }) => item.name, maxLength: 5 };
const inputs: fc.Arbitrary<RunInputs> = fc.record({
  context: word,
  namespace: word,
  prefix: word,
  definition: fc.string(),
  trigger: fc.string(),
  spec: fc.record({
    pipelineRef: fc.record({ name: word }),
    params: fc.uniqueArray(fc.record({ name: word, value }), byName),
    workspaces: fc.uniqueArray(
      fc.record({ name: word, persistentVolumeClaim: fc.record({ claimName: word }) }),
      byName,
    ),
  }),
});

/** The same data with the keys of every object in another order. */
function turned<T>(data: T): T {
  if (data === null || typeof data !== "object" || Array.isArray(data)) return data;
  const entries = Object.entries(data).reverse();
  return Object.fromEntries(entries.map(([key, item]) => [key, turned(item)])) as T;
}

test("the hash is the same whatever the order of keys, params and workspaces, and however the text was formatted", () => {
  fc.assert(
    fc.property(inputs, (given) => {
      const { params = [], workspaces = [] } = given.spec;
      const spec = { ...given.spec, params: [...params].reverse(), workspaces: [...workspaces].reverse() };
      const other = JSON.parse(JSON.stringify(turned({ ...given, spec }), null, 4));
      expect(inputsDigest(other)).toBe(inputsDigest(given));
    }),
  );
});

test("inputs that do not affect the result do not change the hash", () => {
  fc.assert(
    fc.property(inputs, word, fc.nat(), (given, text, number) => {
      const spec = {
        ...given.spec,
        taskRunTemplate: { serviceAccountName: text, podTemplate: { nodeSelector: { disk: text } } },
        taskRunSpecs: [{ pipelineTaskName: text, serviceAccountName: text }],
        timeouts: { pipeline: `${number}m` },
      };
      const policy = {
        context: `${given.context}x`,
        timeoutSeconds: number,
        retries: number,
        expectedResults: [text],
        onInterrupt: "cancel",
        history: "keep",
        queue: { name: text, gpus: 1, capacity: 1 },
        consoleUrl: text,
        __provider: text,
      } as const;
      expect(inputsDigest({ ...given, ...policy, spec })).toBe(inputsDigest(given));
      expect(changedInputs(given, { ...given, ...policy, spec })).toEqual([]);
    }),
  );
});

test("every other input changes the hash and the name, and is reported", () => {
  const changes: [string, (given: RunInputs) => RunInputs][] = [
    ["namespace", (i) => ({ ...i, namespace: `${i.namespace}x` })],
    ["prefix", (i) => ({ ...i, prefix: `${i.prefix}x` })],
    ["definition", (i) => ({ ...i, definition: `${i.definition}x` })],
    ["trigger", (i) => ({ ...i, trigger: `${i.trigger}x` })],
    [
      "pipeline",
      (i) => ({ ...i, spec: { ...i.spec, pipelineRef: { name: `${i.spec.pipelineRef.name}x` } } }),
    ],
    ["params.new-one", (i) => withParams(i, [...(i.spec.params ?? []), { name: "new-one", value: "" }])],
  ];
  fc.assert(
    fc.property(inputs, (given) => {
      for (const [name, change] of changes) {
        const other = change(given);
        expect(inputsDigest(other), name).not.toBe(inputsDigest(given));
        expect(baseName(other), name).not.toBe(baseName(given));
        expect(changedInputs(given, other)).toEqual([name]);
      }
    }),
  );
});

test("the value of any param and the binding of any workspace changes the hash", () => {
  const filled = inputs.filter(({ spec }) => spec.params?.length !== 0 && spec.workspaces?.length !== 0);
  fc.assert(
    fc.property(filled, fc.nat(), (given, at) => {
      const { params = [], workspaces = [] } = given.spec;
      const chosen = at % params.length;
      const changed = params.map((param, i) =>
        i === chosen ? { ...param, value: `${param.value}!` } : param,
      );
      expect(changedInputs(given, withParams(given, changed))).toEqual([`params.${params[chosen]?.name}`]);
      expect(inputsDigest(withParams(given, params.slice(1)))).not.toBe(inputsDigest(given));
      const moved = workspaces.map((binding) => ({ ...binding, subPath: "elsewhere" }));
      const other = { ...given, spec: { ...given.spec, workspaces: moved } };
      expect(inputsDigest(other)).not.toBe(inputsDigest(given));
    }),
  );
});

test("a run from a version with fewer timeouts is the same run", () => {
  // As a stack's state holds them, with the name that the run got then.
  const recorded: RunInputs = {
    context: "demo",
    namespace: "private-ai-demo",
    prefix: "candidate-testing-granite-w4a16",
    spec: {
      pipelineRef: { name: "candidate-testing" },
      params: [
        { name: "SERVED_MODEL_NAME", value: "granite-w4a16-candidate" },
        { name: "TASKS", value: "hellaswag,arc_easy" },
      ],
      workspaces: [{ name: "models", persistentVolumeClaim: { claimName: "modelcar-storage" } }],
      taskRunTemplate: {
        serviceAccountName: "modelcar-pipeline",
        podTemplate: { securityContext: { runAsNonRoot: true } },
      },
      timeouts: { pipeline: "4h0m0s" },
    },
    definition: "7c1f",
    trigger: "b01e",
    expectedResults: ["artifacts-uri"],
    queue: { name: "gpus", gpus: 4, capacity: 4 },
  };
  const timeouts = { pipeline: "20h20m0s", tasks: "20h0m0s", finally: "20m0s" };
  const now = { ...recorded, spec: { ...recorded.spec, timeouts } };
  expect(baseName(recorded)).toBe("candidate-testing-granite-w4a16-7c884663");
  expect(baseName(now)).toBe("candidate-testing-granite-w4a16-7c884663");
  expect(changedInputs(recorded, now)).toEqual([]);
});

function withParams(given: RunInputs, params: NonNullable<RunInputs["spec"]["params"]>): RunInputs {
  return { ...given, spec: { ...given.spec, params } };
}

const minimal: RunInputs = {
  context: "c",
  namespace: "n",
  prefix: "model-import-sums",
  definition: "d",
  spec: { pipelineRef: { name: "p" } },
};

test("a name leaves room in 63 characters for the hash and the attempt", () => {
  const name = baseName({ ...minimal, prefix: `${"a".repeat(48)}-${"b".repeat(30)}` });
  expect(name).toMatch(/^a{48}-[0-9a-f]{8}$/);
});

test.each([
  [undefined, 3600],
  ["1h30m0s", 5400],
  ["20m0s", 1200],
  ["0", Number.POSITIVE_INFINITY],
])("timeouts.pipeline %s is %d seconds", (pipeline, seconds) => {
  expect(timeoutOf({ spec: { ...minimal.spec, ...(pipeline ? { timeouts: { pipeline } } : {}) } })).toBe(
    seconds,
  );
});

test("invalid inputs are found before anything is started; unknown values are valid", () => {
  expect(inputFailures(minimal)).toEqual([]);
  expect(inputFailures({ ...minimal, prefix: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" })).toEqual([]);
  const wrong = {
    ...minimal,
    prefix: "Sums",
    retries: -1,
    onInterrupt: "stop" as "cancel",
    queue: { name: "gpu", gpus: 8, capacity: 4 },
  };
  expect(inputFailures(wrong).map(({ property }) => property)).toEqual([
    "prefix",
    "retries",
    "onInterrupt",
    "queue.capacity",
  ]);
});
