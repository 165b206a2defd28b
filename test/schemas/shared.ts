/** Turns repeated parts of a schema into one definition, because a validator with each repetition would be huge and slow. */
import { createHash } from "node:crypto";

// biome-ignore lint/suspicious/noExplicitAny: a schema of any shape.
type Schema = any;

/** The same schema, with its objects' schemas as definitions under `$defs`, each once. */
export function shared(schema: Schema): Schema {
  const definitions: Record<string, Schema> = {};
  const share = (value: Schema): Schema => {
    if (Array.isArray(value)) return value.map(share);
    if (typeof value !== "object" || value === null) return value;
    const { default: preset, ...rest } = mapped(value, share);
    // A default is looked for beside the reference.
    const beside = preset === undefined ? {} : { default: preset };
    if (!isSchemaOfObject(value)) return { ...rest, ...beside };
    const name = createHash("sha256").update(JSON.stringify(rest)).digest("hex").slice(0, 16);
    definitions[name] = rest;
    return { $ref: `#/$defs/${name}`, ...beside };
  };
  return { ...share(schema), $defs: definitions };
}

const isSchemaOfObject = ({ type, properties }: Schema): boolean =>
  type === "object" && typeof properties === "object" && !Array.isArray(properties);

const mapped = (object: Schema, change: (value: Schema) => Schema): Schema =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
