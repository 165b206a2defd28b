/** What no single key can tell about a model's test: what it is compared with, and what must hold before it is served. */
import { candidateName, needsCandidate } from "../rules/candidate.ts";
import { test as testSchema } from "./model.ts";
import type { Raw, Report } from "./raw.ts";

/** The path of a key below one that is looked at. */
type At = (...keys: string[]) => (string | number)[];

/** What of a model is measured, what it is compared with, and what must hold. */
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

/** A model that is measured before it is served runs as a service of its own for that time. */
function candidate(models: Raw[], name: Raw, serve: Raw, at: At, report: Report): void {
  const why = "measured before it is served, as a service of its own";
  if (serve?.mode === "deployment") {
    report(at(), `works with serve.mode kserve only: a model with a gate, or that is stopped, is ${why}`);
  }
  if (typeof name !== "string") return;
  const own = candidateName(name);
  const other = models.findIndex((model) => model?.name === own);
  if (other >= 0) report(at(), `is ${why}, whose name models[${other}] has: ${own}`);
}

function recoveries({ base, evaluate }: Raw, at: At, report: Report): void {
  const { recovery, recoveryByTask = {} } = evaluate?.gate ?? {};
  const tasks: Raw[] = Array.isArray(evaluate?.tasks) ? evaluate.tasks : [];
  const named = Object.keys(recoveryByTask ?? {});
  if (base === undefined && (recovery !== undefined || named.length > 0)) {
    report(at("base"), "missing; evaluate.gate asks for a share of the base's scores");
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
    report(at("base"), `"${test.base}" is not tested: give it the same test`);
    return;
  }
  if (found.test.base !== undefined) {
    report(at("base"), `"${test.base}" has a base itself, ${found.test.base}: compare with that one`);
  }
  const [theirs, ours] = [measured(found.test), measured(test)];
  for (const part of ["evaluate", "benchmark"] as const) {
    // What is no test at all is reported elsewhere.
    if (theirs && ours && theirs[part] !== ours[part]) {
      report(at(part), `must be the same as of ${test.base}, or the two can not be compared`);
    }
  }
}

/** What decides whether figures can be compared, defaults included; undefined for what is no test. */
function measured(raw: Raw) {
  const { success, data } = testSchema.safeParse(raw);
  if (!success) return undefined;
  const { gate: _, minimumScores: __, ...evaluate } = data.evaluate ?? {};
  const { gate: ___, ...benchmark } = data.benchmark ?? {};
  return { evaluate: JSON.stringify(evaluate), benchmark: JSON.stringify(benchmark) };
}
