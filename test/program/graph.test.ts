/** The dependencies that the engine receives: the whole program with models of every kind. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { everyKind } from "./every-kind.ts";
import { type Program, runProgram } from "./record.ts";
import type { Registration } from "./registrations.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("./plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () => (await import("./plain-dynamic.ts")).readiness());

let program: Program;
beforeAll(async () => {
  program = await runProgram("local", everyKind);
});

const nameOf = (urn: string) => urn.split("::")[3] as string;
const typeOf = (urn: string) => urn.split("::")[2]?.split("$").at(-1) as string;
const shortOf = (urn: string) => `${typeOf(urn).split(":").at(-1)} ${nameOf(urn)}`;
const isComponent = ({ urn }: Registration) => typeOf(urn).startsWith("modelcar:");
const registered = (urn: string | undefined) => program.registrations.find((each) => each.urn === urn);
const the = (type: string, name: string) =>
  program.registrations.find(({ urn }) => shortOf(urn) === `${type} ${name}`) as Registration;

/** The components that a resource is part of, the nearest first. */
function around(resource: Registration): Registration[] {
  const parent = registered(resource.parent);
  return parent ? [parent, ...around(parent)] : [];
}

/** All resources that must exist before a resource. */
function before(urn: string, found = new Set<string>()): Set<string> {
  for (const dependency of registered(urn)?.dependencies ?? []) {
    if (found.has(dependency)) continue;
    found.add(dependency);
    before(dependency, found);
  }
  return found;
}

describe("models that have nothing to do with each other", () => {
  const related = [["sums", "sums-quantized"]];
  const names = [
    "sums",
    "mistral-24b-quantized",
    "mistral-24b",
    "sums-quantized",
    "kept",
    "scratch",
    "pulled",
    "drawn",
  ];
  /** The model that a resource belongs to: the longest model name that it or a component around it is named after. */
  const modelOf = (resource: Registration): string | undefined =>
    [resource, ...around(resource)]
      .flatMap(({ urn }) => names.filter((name) => new RegExp(`(^|-)${name}(-|$)`).test(nameOf(urn))))
      .sort((a, b) => b.length - a.length)[0];

  test("every model has resources", () => {
    const owners = new Set(program.registrations.map(modelOf));
    for (const name of names) expect(owners).toContain(name);
    expect(modelOf(the("NetworkPolicy", "access-serve-model-registry-pulled"))).toBe("pulled");
    expect(modelOf(the("PersistentVolumeClaim", "kept-files"))).toBe("kept");
  });

  test("do not wait for each other", () => {
    const edges = program.registrations.flatMap((resource) => {
      const model = modelOf(resource);
      if (model === undefined || typeOf(resource.urn).endsWith("ChatInterface")) return [];
      return [...before(resource.urn)].flatMap((urn) => {
        const other = modelOf(registered(urn) as Registration);
        const isForeign = other !== undefined && other !== model;
        const isRelated = related.some((pair) => pair.includes(model) && pair.includes(other ?? ""));
        return isForeign && !isRelated ? [`${shortOf(resource.urn)} waits for ${shortOf(urn)}`] : [];
      });
    });
    expect(edges).toEqual([]);
  });
});

test("a run waits for the volume that it fills, and for no other", () => {
  const claims = (run: string) =>
    [...before(the("PipelineRun", run).urn)].filter((urn) => typeOf(urn).endsWith("PersistentVolumeClaim"));
  const names = (run: string) =>
    claims(run)
      .map(nameOf)
      // The volumes of MinIO and of the model registry's database.
      .filter((name) => !["object-store", "registry-database"].includes(name));
  expect(names("model-import-kept")).toEqual(["kept-files"]);
  expect(names("model-import-scratch")).toEqual(["scratch-files"]);
  expect(names("model-import-sums")).toEqual(["storage"]);
});

test("a model waits for its own network policies and for those of all models", () => {
  const policies = [...before(the("Deployment", "pulled").urn)]
    .filter((urn) => typeOf(urn).endsWith("NetworkPolicy"))
    .map(nameOf);
  expect(policies).toContain("access-serve-model");
  expect(policies).toContain("access-serve-model-registry-pulled");
  expect(policies).not.toContain("access-serve-model-registry-drawn");
});

test("every part of a component waits for what the component depends on", () => {
  const told = program.registrations.filter((each) => isComponent(each) && each.dependencies.length > 0);
  const types = new Set(told.map(({ urn }) => typeOf(urn).split(":").at(-1)));
  // The two others depend on nothing.
  expect([...types].sort()).toEqual(
    [
      "Access",
      "ChatInterface",
      "Credentials",
      "Model",
      "ModelComparison",
      "ModelImport",
      "ModelService",
      "ModelTesting",
      "Monitoring",
      "Pipelines",
      "Registry",
      "ServingRuntime",
      "ServingRuntimes",
      "Storage",
    ].sort(),
  );
  const late = program.registrations.flatMap((resource) =>
    around(resource).flatMap((component) =>
      component.dependencies
        .filter((urn) => !before(resource.urn).has(urn))
        .map(
          (urn) =>
            `${shortOf(resource.urn)} does not wait for ${shortOf(urn)}, as ${shortOf(component.urn)} does`,
        ),
    ),
  );
  expect(late).toEqual([]);
});

test("nothing waits for itself, directly or indirectly", () => {
  const cycles = program.registrations
    .filter(({ urn }) => before(urn).has(urn))
    .map(({ urn }) => shortOf(urn));
  expect(cycles).toEqual([]);
});

describe("the claim of a model, which was part of the component Storage once", () => {
  const claim = (model: string) => the("PersistentVolumeClaim", `${model}-files`);

  test("is still found in the state of a stack that has it there", () => {
    for (const model of ["kept", "scratch"]) {
      expect(claim(model).aliases).toContain(
        `urn:pulumi:local::modelcar::modelcar:platform:Storage$kubernetes:core/v1:PersistentVolumeClaim::${model}-files`,
      );
    }
  });

  test("is retained only if its model says so", () => {
    expect([claim("kept").retainOnDelete, claim("scratch").retainOnDelete]).toEqual([true, false]);
  });
});

test("a model that a run registered says in which registry", () => {
  const services = program.resources.filter(({ type }) => type.endsWith(":InferenceService"));
  const label = "modelregistry.opendatahub.io/name";
  const labelled = services.filter(
    ({ inputs }) => inputs.metadata.labels[label] === "private-ai-model-registry",
  );
  const registered = services.filter(
    ({ inputs }) => "modelregistry.opendatahub.io/registered-model-id" in inputs.metadata.labels,
  );
  expect(labelled.length).toBeGreaterThan(0);
  expect(labelled).toEqual(registered);
});
