/** For tests: a committed stack as a file, completed as its user completes it. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { secrets } from "../../config/schema.ts";
import { type Manifest, stackConfig } from "../../test/program/record.ts";
import { readStackConfig } from "./stack-config.ts";

export const directory = join(import.meta.dirname, "../..");

/** Makes model 0 of the stack an image that is compressed and evaluated first, and tested once it is served. */
export function packaged(config: Manifest): void {
  const job = { cpu: "2", memory: "8Gi" };
  const [model] = config.models;
  const gpu = config.platform === "openshift" ? { accelerator: "l4", gpus: 1 } : {};
  model.package = { kind: "modelcar", image: "registry.test/models/one" };
  model.compress = { recipe: "code", ...job, ...gpu };
  model.evaluate = { tasks: ["humaneval"], runGeneratedCode: true, limit: 5, ...job, ...gpu };
  model.test = { evaluate: { tasks: ["arc_easy"] }, benchmark: {} };
  config.project = { ...config.project, podSecurity: "baseline" };
}

/** Path of a file with the stack's config. */
export function stackFileOf(stack: string, edit?: (config: Manifest) => void): string {
  const config = Object.entries(stackConfig(stack, edit)).map(([key, value]) => {
    const isSecret = key.replace("modelcar:", "") in secrets;
    return [key, isSecret ? { secure: "v1:a:b" } : /^[[{]/.test(value) ? JSON.parse(value) : value];
  });
  const file = join(mkdtempSync(join(tmpdir(), "modelcar-stack-")), `Pulumi.${stack}.yaml`);
  writeFileSync(file, stringify({ config: Object.fromEntries(config) }));
  return file;
}

export const configOfStack = (stack: string, edit?: (config: Manifest) => void) =>
  readStackConfig(directory, stack, stackFileOf(stack, edit));
