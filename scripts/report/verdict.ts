/** Summarizes comparison.json in a few lines. */
import { z } from "zod";

const side = z.object({ name: z.string(), version: z.string() });

/** The fields that are read; tasks/compare-models/comparison-json.md explains them. */
export const comparisonJson = z.object({
  version: z.literal(1),
  passed: z.boolean(),
  model: side,
  base: side.nullable(),
  gates: z.array(
    z.object({
      figure: z.string(),
      task: z.string().nullable(),
      metric: z.string().nullable(),
      value: z.number().nullable(),
      unit: z.string(),
      relation: z.enum(["≥", "≤"]),
      limit: z.number(),
      passed: z.boolean(),
    }),
  ),
});

type Gate = z.infer<typeof comparisonJson>["gates"][number];

export interface Verdict {
  /** The model and what it is compared with. */
  readonly compared: string;
  /** The first line is the verdict, each other one a gate that failed. */
  readonly lines: readonly string[];
}

/** Undefined for text that is not a comparison.json of the known version. */
export function verdictOf(text: string): Verdict | undefined {
  const { data } = comparisonJson.safeParse(json(text));
  if (!data) return undefined;
  const { model, base, gates } = data;
  const titled = ({ name, version }: z.infer<typeof side>) => `${name} ${version}`;
  const failed = gates.filter(({ passed }) => !passed);
  const count = gates.length === 1 ? "1 gate" : `${gates.length} gates`;
  const word =
    failed.length > 0
      ? `FAILED: ${failed.length} of ${count}`
      : gates.length > 0
        ? `passed: ${count}`
        : "passed: no gate was set";
  return {
    compared: `${titled(model)}${base ? `, compared with ${titled(base)}` : ""}`,
    lines: [word, ...failed.map(lineOf)],
  };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function lineOf({ figure, task, metric, value, unit, relation, limit }: Gate): string {
  const name = task ? `${figure} of ${task}${metric ? ` (${metric})` : ""}` : figure;
  const meets = (figure: number) => (relation === "≥" ? figure >= limit : figure <= limit);
  // Rounding must not show a figure on the other side of its limit.
  const shown =
    value === null
      ? "undefined"
      : [4, 9, 17]
          .map((digits) => Number(value.toPrecision(digits)))
          .find((it) => meets(it) === meets(value));
  return `${name} is ${shown}, must be ${relation} ${limit}${unit ? ` ${unit}` : ""}`;
}
