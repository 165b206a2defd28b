/**
 * Values that only a run outside Pulumi knows. A manifest builder is given them in place of text and numbers, and makes a
 * template; the task fills it in (tasks/common/templates.py), by the rules that are said here:
 * - `${PARAM}` in a text is the param's value. Where that is the whole text and empty, the field or item goes, and so does an object
 *   or a list that is left empty by it; `${PARAM|text}` has the text for an empty one.
 * - An item of a list that is one whole `${PARAM}` of several values becomes those items.
 * - `{"$number": "2 * PARAM"}`, and `${2 * PARAM}` in a text, are reckoned: whole numbers, params, `*`, `-`, `//`, min(), whole_cores().
 */

/** The value of a param, as a text or a part of one. */
export const given = (param: string, otherwise?: string): string =>
  `\${${param}${otherwise === undefined ? "" : `|${otherwise}`}}`;

/** The param that a whole text stands for; undefined for any other text. */
export const paramOf = (text: string): string | undefined => /^\$\{(\w+)\}$/.exec(text)?.[1];

/** A whole number that a run knows. */
export class GivenNumber {
  readonly formula: string;
  /** What is known of it: it is not below. */
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

/** Of a number that only a run knows: whether what is known of it decides. */
export const isAbove = (count: Count, bound: number): boolean =>
  typeof count === "number" ? count > bound : count.atLeast > bound;

/** `now` where all numbers are known, else the formula. */
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

/** A part of a number, rounded down, but no more than `most`. */
export function partOf<N extends Count>(count: N, parts: number, most: number): N {
  const formula = `min(${most}, ${formulaOf(count)} // ${parts})`;
  return reckoned([count], () => Math.min(most, Math.floor((count as number) / parts)), formula);
}
