/** Checks across the keys of a model's test: its base, its candidate and its gates. */
import { candidateName, needsCandidate } from "../rules/candidate.ts";
import { test as testSchema } from "./model.ts";
import type { Raw, Report } from "./raw.ts";

/** The path of a key below the test. */
type At = (...keys: string[]) => (string | number)[];

/** Reports every contradiction in a model's test. */
export function tests(models: Raw[], index: number, report: Report): void {
  const { name, source, serve, test } = models[index];
  if (test === undefined || test === null) return;
  const at = (...keys: string[]) => ["models", index, "test", ...keys];
  if (source?.uri !== undefined) {
    report(at(), "needs source.huggingFace, whose tokenizer counts the tokens");
  }
  if (test.evaluate === undefined && test.benchmark === undefined) {
    report(at(), "must have evaluate, benchmark or both");
  }
  if (needsCandidate({ serve, test })) candidate(models, name, serve, at, report);
  recoveries(test, at, report);
  if (typeof test.base === "string") base(models, index, at, report);
}

/** A model that is measured before it is served runs as a candidate, a separate service. */
function candidate(models: Raw[], name: Raw, serve: Raw, at: At, report: Report): void {
  const why = "measured before it is served, as a separate service";
  if (serve?.mode === "deployment") {
    report(at(), `works only with serve.mode kserve: a model that has a gate or is stopped is ${why}`);
  }
  if (typeof name !== "string") return;
  const own = candidateName(name);
  const other = models.findIndex((model) => model?.name === own);
  if (other >= 0) report(at(), `is ${why}, but its name, ${own}, is that of models[${other}]`);
}

function recoveries({ base, evaluate }: Raw, at: At, report: Report): void {
  const { recovery, recoveryByTask = {} } = evaluate?.gate ?? {};
  const tasks: Raw[] = Array.isArray(evaluate?.tasks) ? evaluate.tasks : [];
  const named = Object.keys(recoveryByTask ?? {});
  if (base === undefined && (recovery !== undefined || named.length > 0)) {
    report(at("base"), "missing; evaluate.gate requires a share of the base's scores");
  }
  for (const task of named.filter((task) => !tasks.includes(task))) {
    const path = at("evaluate", "gate", "recoveryByTask", task);
    report(path, `"${task}" must be one of evaluate.tasks (${tasks.join(", ")})`);
  }
}

function base(models: Raw[], index: number, at: At, report: Report): void {
  const { name, test } = models[index];
  const others = models.filter((model) => model?.name !== name).map((model) => model?.name);
  const found = models.find((model) => model?.name === test.base);
  if (!found || test.base === name) {
    report(
      at("base"),
      `"${test.base}" must be the name of another of modelcar:models (${others.join(", ")})`,
    );
    return;
  }
  if (!found.test) {
    report(at("base"), `"${test.base}" has no test: give it the same test`);
    return;
  }
  if (found.test.base !== undefined) {
    report(at("base"), `"${test.base}" itself has a base, ${found.test.base}: compare with that one`);
  }
  const [theirs, ours] = [measured(found.test), measured(test)];
  for (const part of ["evaluate", "benchmark"] as const) {
    // An invalid test is reported elsewhere.
    if (theirs && ours && theirs[part] !== ours[part]) {
      report(at(part), `must be the same as that of ${test.base}, or the two cannot be compared`);
    }
  }
}

/** The settings that must be equal for a comparison, including defaults; undefined for an invalid test. */
function measured(raw: Raw) {
  const { success, data } = testSchema.safeParse(raw);
  if (!success) return undefined;
  const { gate: _, minimumScores: __, ...evaluate } = data.evaluate ?? {};
  const { gate: ___, ...benchmark } = data.benchmark ?? {};
  return { evaluate: JSON.stringify(evaluate), benchmark: JSON.stringify(benchmark) };
}
