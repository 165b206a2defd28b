/** Finds every key that a zod schema of the config accepts: path, form, default and meaning. */
import { stringify } from "yaml";
import { z } from "zod";
import type { Documented } from "./comments.ts";

export interface Key {
  /** As in error messages, with [] for each entry of a list and <name> for each name of a record. */
  readonly path: string;
  /** If the object has several shapes: what identifies the shape with this key. Else empty. */
  readonly shape: string;
  /** Completes "must be …". */
  readonly form: string;
  /** YAML, "required" or "none"; the text after "Default: " in the comment is appended, or replaces "none". */
  readonly fallback: string;
  /** The comment above the key in the source; empty if there is none. */
  readonly meaning: string;
}

type Schema = z.core.$ZodType;
interface Place {
  readonly path: string;
  readonly shape: string;
  readonly documented: Documented;
}

/** The keys of an object schema, in source order. Throws at a schema that it cannot inspect. */
export function keysOf(schema: Schema, documented: Documented): Key[] {
  return [...below(unwrap(schema).schema, { path: "", shape: "", documented })];
}

function* below(schema: Schema, place: Place): Generator<Key> {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const { path, documented } = place;
  if (def.type === "object") yield* shapeKeys(def.shape, place);
  else if (def.type === "array") {
    yield* below(unwrap(def.element).schema, { ...place, path: `${path}[]`, documented: documented.items() });
  } else if (def.type === "record") {
    const inner = { ...place, path: `${path}.<name>`, documented: documented.items() };
    yield* below(unwrap(def.valueType).schema, inner);
  } else if (def.type === "union" && "discriminator" in def) {
    yield* kindKeys(def as z.core.$ZodDiscriminatedUnionDef, schema, place);
  } else if (def.type === "pipe") yield* hiddenKeys(schema, place);
  else if (!["string", "number", "boolean", "enum", "literal", "union"].includes(def.type)) {
    throw new Error(
      `${path}: this script does not support zod schemas of type "${def.type}" yet: add the type to below()`,
    );
  }
}

function* shapeKeys(shape: z.core.$ZodShape, place: Place, leaveOut?: string): Generator<Key> {
  for (const [key, value] of Object.entries(shape)) {
    if (key === leaveOut) continue;
    const { schema, fallback } = unwrap(value);
    const row = keyAt(key, place, formOf(schema), fallback);
    yield row;
    yield* below(schema, { ...place, path: row.path, documented: place.documented.property(key).value });
  }
}

/** For shapes with a discriminator such as `kind`: the discriminator once, then the other keys of each shape. */
function* kindKeys(def: z.core.$ZodDiscriminatedUnionDef, schema: Schema, place: Place): Generator<Key> {
  const { discriminator } = def;
  yield keyAt(discriminator, place, mistake(schema, { [discriminator]: impossible }) ?? "", "required");
  for (const option of def.options) {
    const { shape } = (option as z.core.$ZodObject)._zod.def;
    const [kind] = shape[discriminator]?._zod.values ?? [];
    const inner = { ...place, documented: place.documented.where(discriminator, String(kind)) };
    yield* shapeKeys(
      shape,
      { ...inner, shape: both(place.shape, `${discriminator}: ${String(kind)}`) },
      discriminator,
    );
  }
}

/**
 * For `withOrWithout`, which hides both shapes from zod: it parses an unknown key, and the schema that rejects the key is the
 * shape. The first key that it looks up is the one that distinguishes the shapes.
 */
function* hiddenKeys(schema: Schema, place: Place): Generator<Key> {
  for (const present of [true, false]) {
    const lookedFor: string[] = [];
    const has = (_: object, key: string | symbol) => lookedFor.push(String(key)) > 0 && present;
    const shape = complaining(schema, new Proxy({ "": impossible }, { has }));
    const [key] = lookedFor;
    if (!shape || key === undefined) throw new Error(`${place.path}: its keys cannot be seen by this script`);
    const inner = { ...place, documented: place.documented.where(key, present) };
    const label = present ? `with ${key}` : `without ${key}`;
    yield* shapeKeys(shape._zod.def.shape, { ...inner, shape: both(place.shape, label) });
  }
}

/** The object schema that rejects an unknown key. */
function complaining(schema: Schema, value: unknown): z.core.$ZodObject | undefined {
  let found: z.core.$ZodObject | undefined;
  const { customError = () => undefined } = z.config();
  z.config({
    customError: (issue) => {
      if (issue.code === "unrecognized_keys") found ??= issue.inst as z.core.$ZodObject;
      return customError(issue);
    },
  });
  try {
    z.safeParse(schema, value);
  } finally {
    z.config({ customError });
  }
  return found;
}

function keyAt(key: string, { path, shape, documented }: Place, form: string, fallback: string): Key {
  const { comment } = documented.property(key);
  const [, meaning = "", said = ""] = /^(.*?)\s*(?:\bDefault: (.*?)\.?)?$/.exec(comment) ?? [];
  const told = said === "" ? fallback : fallback === "none" ? said : `${fallback}: ${said}`;
  return { path: path === "" ? key : `${path}.${key}`, shape, form, fallback: told, meaning };
}

const both = (outer: string, inner: string) => (outer === "" ? inner : `${outer}, ${inner}`);

/** The schema inside defaults and transformations; `fallback` describes the value of a key that is left out. */
function unwrap(schema: Schema): { readonly schema: Schema; readonly fallback: string } {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === "optional") return { ...unwrap(def.innerType), fallback: "none" };
  if (def.type === "prefault") return { ...unwrap(def.innerType), fallback: "its keys' defaults" };
  if (def.type === "default") {
    const yaml = stringify(def.defaultValue, { collectionStyle: "flow" }).trimEnd();
    return { ...unwrap(def.innerType), fallback: `\`${yaml}\`` };
  }
  const shown = def.type === "pipe" && (def.in as z.core.$ZodTypes)._zod.def.type !== "unknown";
  return shown ? unwrap(def.in) : { schema, fallback: "required" };
}

const impossible = Symbol("no config has this value");
const endless = `${"a.".repeat(500)}a`;

function formOf(schema: Schema): string {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === "object" || def.type === "pipe" || "discriminator" in def) return "a set of keys";
  const inner = def.type === "array" ? def.element : def.type === "record" ? def.valueType : undefined;
  if (inner) {
    const each = formOf(unwrap(inner).schema);
    return `${mistake(schema, []) ?? mistake(schema, impossible)}, each ${each}`;
  }
  const forms = [mistake(schema, impossible), mistake(schema, endless)];
  return [...new Set(forms.filter((form) => form !== undefined))].join("; ");
}

/** What a value must be, in the words of the schema's error. */
function mistake(schema: Schema, value: unknown): string | undefined {
  return z.safeParse(schema, value).error?.issues[0]?.message;
}
