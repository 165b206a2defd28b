/** Tasks that are another one under a second name: tasks/<name>/variant.yaml says which, and what they have other than that one. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Task } from "./tekton.ts";

const text = z.string().min(1);

const schema = z.strictObject({
  /** The Task that it is, which has the script, the tests and the job.yaml of both. */
  of: text,
  /** Its annotation tekton.dev/displayName. */
  displayName: text,
  /** What its description says in the place of words of the other's. */
  description: z.strictObject({ insteadOf: text, says: text }),
  /** Its param in the place of one of the other's; the steps get it in the variable of its name. */
  param: z.strictObject({ insteadOf: text, name: text, type: z.literal("string"), description: text }),
});

export type Variant = z.infer<typeof schema>;

/**
 * What a folder of tasks has on a variant; undefined for a name that is none.
 * @throws Error where the file says something else than a variant.
 */
export function readVariant(directory: string, name: string): Variant | undefined {
  const path = join(name, "variant.yaml");
  if (!existsSync(join(directory, path))) return undefined;
  const result = schema.safeParse(parse(readFileSync(join(directory, path), "utf8")));
  if (!result.success) throw new Error(`tasks/${path}: ${z.prettifyError(result.error)}`);
  return result.data;
}

/**
 * The Task under its second name. Its only step has that name too.
 * @throws Error where the Task lacks what the variant has something else for.
 */
export function variantOf(task: Task, name: string, { displayName, description, param }: Variant): Task {
  const { metadata, spec } = task;
  const { insteadOf, ...own } = param;
  const [step, ...others] = spec.steps;
  const env = (step?.env ?? []) as readonly { readonly name: string }[];
  const must = (right: boolean | undefined, what: string) => {
    if (!right) throw new Error(`tasks/${name}/variant.yaml: the Task ${metadata.name} has not ${what}`);
  };
  must(others.length === 0, "one step alone");
  must(spec.description?.includes(description.insteadOf), `"${description.insteadOf}" in its description`);
  must(
    spec.params?.some((other) => other.name === insteadOf),
    `a param ${insteadOf}`,
  );
  must(
    env.some((variable) => variable.name === insteadOf),
    `a variable ${insteadOf}`,
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
