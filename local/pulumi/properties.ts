/**
 * Property values as the engine sends them: JSON with marked secrets, and markers for values that a preview does not
 * know yet. Providers work on plain JSON and put the secret marks back on what they return.
 */

/** A JSON object. */
export type Properties = { [key: string]: unknown };

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const UNKNOWNS = new Set([
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9", // string
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

export function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isUnknown(value: unknown): boolean {
  return typeof value === "string" && UNKNOWNS.has(value);
}

/** Whether anything inside `value` is not known yet. */
export function hasUnknowns(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasUnknowns);
  if (isObject(value)) return Object.values(value).some(hasUnknowns);
  return isUnknown(value);
}

export function isSecret(value: unknown): value is Properties {
  return isObject(value) && value[SIGNATURE] === SECRET;
}

/** Marks `value` as a secret, so that the engine encrypts and hides it. */
export function secret(value: unknown): Properties {
  return { [SIGNATURE]: SECRET, value };
}

/** `value` without secret marks and without nulls. */
export function plain(value: unknown): unknown {
  if (isSecret(value)) return plain(value.value);
  if (Array.isArray(value)) return value.map(plain);
  if (isObject(value)) return plainObject(value);
  return value;
}

/** As `plain`, for an object. */
export function plainObject(value: Properties): Properties {
  const entries = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, plain(inner)]));
}

/** Deep equality of JSON values. */
export function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((inner, index) => equal(inner, b[index]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => equal(a[key], b[key]));
  }
  return a === b;
}
