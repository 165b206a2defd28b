/** Turns the schemas of Kubernetes APIs into JSON Schemas that reject fields that they do not name. */

// biome-ignore lint/suspicious/noExplicitAny: a schema of any shape.
type Schema = any;

/** Keywords that mean the same in OpenAPI v3 and in JSON Schema and contain no schema. */
const kept = [
  "type",
  "enum",
  "required",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "multipleOf",
  "minItems",
  "maxItems",
  "uniqueItems",
  "minProperties",
  "maxProperties",
  "$ref",
];

/** Formats that the validator knows; Kubernetes' other formats add nothing to the type. */
const formats = ["byte"];

/**
 * The JSON Schema of an OpenAPI schema, closed: an object accepts only named fields, which reveals typos, because the
 * API server drops unknown fields silently. What the API leaves open stays open: `x-kubernetes-preserve-unknown-fields`,
 * embedded resources, maps, and objects without properties. With `defaults` it keeps the defaults, which a custom resource's
 * rules rely on; for the built-in kinds it must not, because there even required fields have defaults.
 */
export function closed(schema: Schema, { defaults = false } = {}): Schema {
  const {
    properties,
    items,
    additionalProperties,
    "x-kubernetes-preserve-unknown-fields": preserved,
    "x-kubernetes-embedded-resource": embedded,
  } = schema;
  const result = valueRules(schema);
  if (schema.default !== undefined && defaults) result.default = schema.default;
  const inner = (field: Schema) => closed(field, { defaults });
  if (properties) result.properties = mapped(properties, inner);
  if (items) result.items = inner(items);
  if (additionalProperties && typeof additionalProperties === "object")
    result.additionalProperties = inner(additionalProperties);
  else if (properties && !preserved && !embedded && additionalProperties !== true)
    result.additionalProperties = false;
  return nullable(schema, result);
}

/** Replaces what a custom resource leaves open although its type is known: `fillers` has the schemas by field name. */
export function filled(schema: Schema, fillers: Readonly<Record<string, object>>): Schema {
  const fill = (name: string, field: Schema): Schema =>
    fillers[name] && field["x-kubernetes-preserve-unknown-fields"] && !field.type
      ? fillers[name]
      : filled(field, fillers);
  const result = { ...schema };
  if (schema.properties)
    result.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, field]) => [name, fill(name, field)]),
    );
  if (schema.items) result.items = filled(schema.items, fillers);
  return result;
}

/** The part of a schema that only restricts values. Under `anyOf` and the like nothing is closed: the fields are named outside. */
function valueRules(schema: Schema): Schema {
  const result: Schema = {};
  for (const keyword of kept) if (schema[keyword] !== undefined) result[keyword] = schema[keyword];
  // JavaScript's form of Go's flag for the rest of the pattern.
  if (schema.pattern) result.pattern = schema.pattern.replace(/\(\?i\)(.*)$/, "(?i:$1)");
  if (formats.includes(schema.format)) result.format = schema.format;
  // OpenAPI v3.0 has a boolean where JSON Schema has the bound itself.
  if (schema.exclusiveMinimum === true) result.exclusiveMinimum = schema.minimum;
  if (schema.exclusiveMaximum === true) result.exclusiveMaximum = schema.maximum;
  for (const keyword of ["allOf", "anyOf", "oneOf"])
    if (schema[keyword]) result[keyword] = schema[keyword].map(restricted);
  if (schema.not) result.not = restricted(schema.not);
  if (schema["x-kubernetes-int-or-string"]) result.type = ["integer", "string"];
  return result;
}

function restricted(schema: Schema): Schema {
  const result = valueRules(schema);
  if (schema.properties) result.properties = mapped(schema.properties, restricted);
  if (schema.items) result.items = restricted(schema.items);
  if (schema.additionalProperties && typeof schema.additionalProperties === "object")
    result.additionalProperties = restricted(schema.additionalProperties);
  return result;
}

function nullable(schema: Schema, result: Schema): Schema {
  if (!schema.nullable) return result;
  if (!result.type) return { anyOf: [{ type: "null" }, result] };
  const values = result.enum ? { enum: [...result.enum, null] } : {};
  return { ...result, ...values, type: [result.type, "null"].flat() };
}

const mapped = (object: Schema, change: (value: Schema) => Schema): Schema =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));

const quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";
/** As the API server parses one: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
const quantityPattern = String.raw`^[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$`;

/** The definitions of one of Kubernetes' own OpenAPI documents, closed, under their references. */
export function closedDocument(document: Schema): Schema {
  const schemas = mapped(document.components.schemas, (schema) => closed(schema));
  if (schemas[quantity]) schemas[quantity].pattern = quantityPattern;
  return { components: { schemas } };
}
