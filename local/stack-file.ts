/** The stack `local`'s configuration file. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { projectDirectory } from "./paths.ts";

export const stackName = "local";
/** The stack's configuration as its user edits it. */
export const committedFile =
  process.env.MODELCAR_STACK_FILE ?? join(projectDirectory, `Pulumi.${stackName}.yaml`);

export interface StackFile {
  readonly encryptionsalt?: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

export const readStackFile = (file: string): StackFile =>
  existsSync(file) ? ((parse(readFileSync(file, "utf8")) ?? {}) as StackFile) : {};

/** Whether a model of the stack is packaged as an image or tested: the tasks that run models are then needed. */
export function stackRunsModels(): boolean {
  const models = readStackFile(committedFile).config?.["modelcar:models"];
  const wants = (model: { package?: { kind?: unknown }; test?: unknown } | null) =>
    model?.package?.kind === "modelcar" || model?.test !== undefined;
  return Array.isArray(models) && models.some(wants);
}
