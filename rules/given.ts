/**
 * Placeholders for values that only a run outside Pulumi knows. With them instead of text and numbers, a manifest builder makes
 * a template, which the task fills in (tasks/common/templates.py) by these rules:
 * - `${PARAM}` in a text is replaced with the param's value. If it is the whole text and the value is empty, the field or item is
 *   removed, and so is an object or list that becomes empty; `${PARAM|text}` uses the text instead of an empty value.
 * - An item of a list that is a whole `${PARAM}` with several values becomes several items.
 * - `{"$number": "2 * PARAM"}`, and `${2 * PARAM}` in a text, are evaluated: whole numbers, params, `*`, `-`, `//`, min(), whole_cores().
 */

/** Placeholder for the value of a param, as a text or a part of one. */
export const given = (param: string, otherwise?: string): string =>
  `\${${param}${otherwise === undefined ? "" : `|${otherwise}`}}`;

/** The param, if the whole text is its placeholder; otherwise undefined. */
export const paramOf = (text: string): string | undefined => /^\$\{(\w+)\}$/.exec(text)?.[1];

/** A whole number that only a run knows. */
export class GivenNumber {
  readonly formula: string;
  /** Its known lower bound. */
  readonly atLeast: number;

  constructor(formula: string, atLeast = 0) {
    this.formula = formula;
    this.atLeast = atLeast;
  }

  toString(): string {
    return given(this.formula);
  }

  toJSON(): { readonly $number: string } {
    return { $number: this.formula };
  }
}

/** A number that is known now, or only to a run. */
export type Count = number | GivenNumber;

const formulaOf = (count: Count): string => (typeof count === "number" ? String(count) : count.formula);

/** Whether a number is above a bound; for one that only a run knows, whether its lower bound is. */
export const isAbove = (count: Count, bound: number): boolean =>
  typeof count === "number" ? count > bound : count.atLeast > bound;

/** The value of `now` if all numbers are known, otherwise the formula. */
function reckoned<N extends Count>(counts: readonly Count[], now: () => number, formula: string): N {
  const known = counts.every((count) => typeof count === "number");
  return (known ? now() : new GivenNumber(formula)) as N;
}

export function times<N extends Count>(count: N, factor: number): N {
  return reckoned([count], () => (count as number) * factor, `${factor} * (${formulaOf(count)})`);
}

export function minus<N extends Count>(count: N, less: N): N {
  const formula = `${formulaOf(count)} - ${formulaOf(less)}`;
  return reckoned([count, less], () => (count as number) - (less as number), formula);
}

/** `count / parts`, rounded down, but at most `most`. */
export function partOf<N extends Count>(count: N, parts: number, most: number): N {
  const formula = `min(${most}, ${formulaOf(count)} // ${parts})`;
  return reckoned([count], () => Math.min(most, Math.floor((count as number) / parts)), formula);
}
