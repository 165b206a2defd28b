/** Negative controls: all ways to make an object invalid by one change of a kind. */

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind.
type Anything = any;

export type Path = readonly (string | number)[];

export interface Mutant {
  /** Where the change is. */
  readonly path: Path;
  readonly object: Anything;
}

/** A field name that no API has. */
export const unknownField = "noSuchField";

/** One mutant for each object within the object: with an additional field. */
export function withUnknownFields(object: Anything): Mutant[] {
  return mutants(
    object,
    (value) => isObject(value),
    (value) => ({ ...value, [unknownField]: "x" }),
  );
}

/** One mutant for each value within the object, the object's own fields included: with a type that no API permits there. */
export function withOtherTypes(object: Anything): Mutant[] {
  return mutants(
    object,
    (_, path) => path.length > 0,
    (value) => (isObject(value) || Array.isArray(value) ? "x" : [["x"]]),
  );
}

/** One mutant for each field within the object: without that field. */
export function withoutFields(object: Anything): Mutant[] {
  return mutants(
    object,
    (_, path) => typeof path.at(-1) === "string",
    () => undefined,
  );
}

/** A path as people write it, list items without their index. */
export const pathText = (path: Path): string =>
  path.map((part) => (typeof part === "number" ? "*" : part)).join(".");

function mutants(
  object: Anything,
  applies: (value: Anything, path: Path) => boolean,
  change: (value: Anything) => Anything,
): Mutant[] {
  return pathsOf(object)
    .filter((path) => applies(valueAt(object, path), path))
    .map((path) => ({ path, object: changed(object, path, change) }));
}

function pathsOf(value: Anything, path: Path = []): Path[] {
  const inner = isObject(value)
    ? Object.entries(value).flatMap(([key, field]) => pathsOf(field, [...path, key]))
    : Array.isArray(value)
      ? value.flatMap((item, index) => pathsOf(item, [...path, index]))
      : [];
  return [path, ...inner];
}

function changed(value: Anything, [first, ...rest]: Path, change: (value: Anything) => Anything): Anything {
  if (first === undefined) return change(value);
  if (Array.isArray(value))
    return value.map((item, index) => (index === first ? changed(item, rest, change) : item));
  const field = changed(value[first], rest, change);
  const { [first]: _, ...others } = value;
  return field === undefined ? others : { ...others, [first]: field };
}

const valueAt = (object: Anything, path: Path): Anything => path.reduce((value, part) => value[part], object);

function isObject(value: Anything): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
