/** Tasks that are variants of another Task: tasks/<name>/variant.yaml names that Task and the differences. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Task } from "./tekton.ts";

const text = z.string().min(1);

const schema = z.strictObject({
  /** The original Task, whose script, tests and job.yaml apply to both. */
  of: text,
  /** The variant's annotation tekton.dev/displayName. */
  displayName: text,
  /** A replacement of words in the description. */
  description: z.strictObject({ insteadOf: text, says: text }),
  /** A replacement of one param; the step gets it in an environment variable of the same name. */
  param: z.strictObject({ insteadOf: text, name: text, type: z.literal("string"), description: text }),
});

export type Variant = z.infer<typeof schema>;

/**
 * The variant.yaml of a task; undefined if it has none.
 * @throws Error if the file is invalid.
 */
export function readVariant(directory: string, name: string): Variant | undefined {
  const path = join(name, "variant.yaml");
  if (!existsSync(join(directory, path))) return undefined;
  const result = schema.safeParse(parse(readFileSync(join(directory, path), "utf8")));
  if (!result.success) throw new Error(`tasks/${path}: ${z.prettifyError(result.error)}`);
  return result.data;
}

/**
 * The variant of a Task. Its only step has the variant's name.
 * @throws Error if the Task lacks something that the variant replaces.
 */
export function variantOf(task: Task, name: string, { displayName, description, param }: Variant): Task {
  const { metadata, spec } = task;
  const { insteadOf, ...own } = param;
  const [step, ...others] = spec.steps;
  const env = (step?.env ?? []) as readonly { readonly name: string }[];
  const must = (right: boolean | undefined, what: string) => {
    if (!right) throw new Error(`tasks/${name}/variant.yaml: the Task ${metadata.name} must have ${what}`);
  };
  must(others.length === 0, "exactly one step");
  must(spec.description?.includes(description.insteadOf), `"${description.insteadOf}" in its description`);
  must(
    spec.params?.some((other) => other.name === insteadOf),
    `a param ${insteadOf}`,
  );
  must(
    env.some((variable) => variable.name === insteadOf),
    `an environment variable ${insteadOf}`,
  );
  const variable = { name: own.name, value: `$(params.${own.name})` };
  return {
    ...task,
    metadata: {
      ...metadata,
      name,
      annotations: { ...(metadata.annotations as object), "tekton.dev/displayName": displayName },
    },
    spec: {
      ...spec,
      description: spec.description?.replace(description.insteadOf, description.says) ?? "",
      params: spec.params?.map((other) => (other.name === insteadOf ? own : other)) ?? [],
      steps: spec.steps.map((one) => ({
        ...one,
        name,
        env: env.map((other) => (other.name === insteadOf ? variable : other)),
      })),
    },
  };
}
