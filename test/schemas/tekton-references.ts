/** Checks Pipelines as Tekton's webhook does, and what only a run would find: params, results and workspaces fit together. */
import type { Manifest } from "../../local/platform/manifests.ts";
import { nameOf } from "./references.ts";

const names = (list: readonly Manifest[] = []): string[] => list.map(({ name }) => name);
const required = (list: readonly Manifest[] = []): string[] =>
  list.filter((item) => item.default === undefined && !item.optional).map(({ name }) => name);

/** Variables of Tekton that need no declaration. */
const context =
  /^context\.(pipelineRun\.(name|namespace|uid)|pipeline\.name|pipelineTask\.retries|taskRun\.(name|namespace|uid)|task\.(name|retry-count))$/;

/** Every mistake in how Tasks, Pipelines and PipelineRuns use each other. Objects that are missing are not reported here. */
export function tektonProblems(objects: readonly Manifest[]): string[] {
  const find = (kind: string, name: string, { metadata }: Manifest) =>
    objects.find(
      (other) =>
        other.kind === kind &&
        other.metadata.name === name &&
        other.metadata.namespace === metadata.namespace,
    );
  return objects.flatMap((object) => {
    const problems = (): string[] => {
      switch (object.kind) {
        case "Task":
          return taskProblems(object);
        case "Pipeline":
          return pipelineProblems(object, (name) => find("Task", name, object));
        case "PipelineRun":
          return runProblems(object, find("Pipeline", object.spec.pipelineRef.name, object));
        default:
          return [];
      }
    };
    return problems().map((problem) => `${nameOf(object)}: ${problem}`);
  });
}

/** The variables in all texts of a value, as paths: $(params["a.b"]) too. */
function variables(value: Manifest): string[][] {
  return [...JSON.stringify(value).matchAll(/(?<!\$)\$\(([A-Za-z][^()]*)\)/g)].map((match) =>
    (match[1] ?? "")
      .replaceAll("\\", "")
      .split(/\.(?![^[]*\])|\["|"\]\.?|\['|'\]\.?/)
      .filter((part) => part !== "")
      .map((part) => part.replace(/\[[*\d]+\]$/, "")),
  );
}

function unresolved(value: Manifest, resolves: (path: string[]) => boolean): string[] {
  return variables(value)
    .filter((path) => !context.test(path.join(".")) && !resolves(path))
    .map((path) => `$(${path.join(".")}) refers to nothing`);
}

function taskProblems({ spec }: Manifest): string[] {
  return unresolved(spec, ([scope = "", name = "", field = ""]) => {
    if (scope === "params") return names(spec.params).includes(name);
    if (scope === "results") return names(spec.results).includes(name) && field === "path";
    if (scope === "steps") return names(spec.steps).includes(name);
    return (
      scope === "workspaces" &&
      names(spec.workspaces).includes(name) &&
      ["path", "bound", "claim", "volume"].includes(field)
    );
  });
}

function pipelineProblems({ spec }: Manifest, taskOf: (name: string) => Manifest | undefined): string[] {
  const tasks: Manifest[] = [...spec.tasks, ...(spec.finally ?? [])];
  const resultsOf = (pipelineTask: string): string[] => {
    const found = tasks.find(({ name }) => name === pipelineTask);
    return names(found?.taskRef && taskOf(found.taskRef.name)?.spec.results);
  };
  const dangling = unresolved(spec, ([scope = "", name = "", field = "", result = ""]) => {
    if (scope === "params") return names(spec.params).includes(name);
    if (scope === "workspaces") return names(spec.workspaces).includes(name) && field === "bound";
    if (scope !== "tasks") return false;
    if (field === "results") return resultsOf(name).includes(result);
    return name === "status" || (names(tasks).includes(name) && ["status", "reason"].includes(field));
  });
  const inTasks = tasks.flatMap((pipelineTask) => {
    const task = taskOf(pipelineTask.taskRef?.name);
    const earlier: string[] = (pipelineTask.runAfter ?? []).filter(
      (name: string) => !names(tasks).includes(name),
    );
    return [
      ...earlier.map((name) => `it runs after ${name}, which is no task of the pipeline`),
      ...(task ? fits(pipelineTask.params, task.spec.params, "param") : []),
      ...(task ? fits(pipelineTask.workspaces, task.spec.workspaces, "workspace") : []),
      ...(pipelineTask.workspaces ?? [])
        .map(({ name, workspace = name }: Manifest) => workspace)
        .filter((workspace: string) => !names(spec.workspaces).includes(workspace))
        .map((workspace: string) => `the pipeline has no workspace ${workspace}`),
    ].map((problem) => `task ${pipelineTask.name}: ${problem}`);
  });
  return [...dangling, ...inTasks];
}

function runProblems({ spec }: Manifest, pipeline: Manifest | undefined): string[] {
  if (!pipeline) return [];
  const tasks = names([...pipeline.spec.tasks, ...(pipeline.spec.finally ?? [])]);
  const strangers: string[] = (spec.taskRunSpecs ?? [])
    .map(({ pipelineTaskName }: Manifest) => pipelineTaskName)
    .filter((name: string) => !tasks.includes(name));
  return [
    ...fits(spec.params, pipeline.spec.params, "param"),
    ...fits(spec.workspaces, pipeline.spec.workspaces, "workspace"),
    ...strangers.map((name) => `taskRunSpecs: the pipeline has no task ${name}`),
  ];
}

/** Everything given is declared, and everything required is given. */
function fits(
  given: readonly Manifest[] | undefined,
  taken: readonly Manifest[] | undefined,
  what: string,
): string[] {
  return [
    ...names(given)
      .filter((name) => !names(taken).includes(name))
      .map((name) => `${what} ${name} is given, but not taken`),
    ...required(taken)
      .filter((name) => !names(given).includes(name))
      .map((name) => `${what} ${name} is missing`),
  ];
}
