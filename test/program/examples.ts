/** The examples as they are committed, and as a user completes them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Manifest } from "./record.ts";

export const directory = join(import.meta.dirname, "../../examples");

/** Folders of examples that have files of their own. */
export const scenarios: readonly string[] = readdirSync(directory, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .filter((name) => readdirSync(join(directory, name)).includes("pipelinerun.yaml"))
  .sort();

/** Placeholders in <angle brackets>, which the user fills in. */
const placeholders: readonly (readonly [RegExp, string])[] = [
  [/<commit>/g, "b".repeat(40)],
  [/<registry>\/<repository>/g, "registry.test/image"],
  [/<digest>/g, "c".repeat(64)],
];
const filled = (text: string) =>
  placeholders.reduce((before, [placeholder, value]) => before.replace(placeholder, value), text);

const read = (scenario: string, file: string) => readFileSync(join(directory, scenario, file), "utf8");

/** The manifest of a scenario's run; `complete` as its user fills it in. */
export function pipelineRun(scenario: string, complete = true): Manifest {
  const text = read(scenario, "pipelinerun.yaml");
  return parse(complete ? filled(text) : text);
}

/** The config of a scenario's stack, by key without `modelcar:`; without Pulumi.yaml's defaults. */
export function stack(scenario: string, complete = true): Manifest {
  const text = read(scenario, "Pulumi.example.yaml");
  const { config } = parse(complete ? filled(text) : text) as { config: Manifest };
  const own = Object.entries(config).map(([key, value]) => [key.replace("modelcar:", ""), value]);
  const machine = complete
    ? [
        ["kubeContext", "example"],
        ["imageRegistryPassword", "secret"],
      ]
    : [];
  return Object.fromEntries([...own, ...machine]);
}
