import { createHash, randomBytes } from "node:crypto";
import { at, isObject, isUnknown, type Properties } from "../properties.ts";
import { apiVersion, type Kind } from "./kinds.ts";
import { withCanonicalQuantities } from "./quantity.ts";

const AUTONAMED = "pulumi.com/autonamed";
/** Fields of `metadata` that only the server sets. */
const SERVER_METADATA = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "uid",
];

/**
 * The inputs of an object, completed: API version and kind, the default namespace, and for an object without a name
 * the old generated one, or `<resource name>-<8 hexadecimal digits>`. Quantities are written as the server writes them.
 */
export function checkedInputs(
  kind: Kind,
  resourceName: string,
  olds: Properties,
  news: Properties,
  defaultNamespace: string,
  randomSeed: Uint8Array,
): Properties {
  const metadata: Properties = isObject(news.metadata) ? { ...news.metadata } : {};
  for (const field of SERVER_METADATA) delete metadata[field];
  if (metadata.generateName !== undefined) {
    throw new Error(
      "metadata.generateName is not supported with server-side apply; leave out the name instead",
    );
  }
  if (!metadata.name) {
    metadata.name = isAutonamed(olds)
      ? at(olds, "metadata", "name")
      : generatedName(resourceName, randomSeed);
    metadata.annotations = { ...(metadata.annotations as Properties | undefined), [AUTONAMED]: "true" };
  }
  if (kind.namespaced) metadata.namespace ??= defaultNamespace;
  else delete metadata.namespace;
  return withCanonicalQuantities(kind.kind, {
    ...news,
    apiVersion: apiVersion(kind),
    kind: kind.kind,
    metadata,
  });
}

/** Whether the name in `inputs` was generated. */
export function isAutonamed(inputs: Properties): boolean {
  return at(inputs, "metadata", "annotations", AUTONAMED) === "true";
}

function generatedName(resourceName: string, randomSeed: Uint8Array): string {
  const random =
    randomSeed.length > 0
      ? createHash("sha256").update(randomSeed).digest("hex")
      : randomBytes(4).toString("hex");
  return `${resourceName.toLowerCase()}-${random.slice(0, 8)}`;
}

/**
 * What is sent to the API server for `inputs`, which are free of secret marks: a Secret's `stringData` becomes `data`,
 * because the server forgets who owns `stringData`.
 */
export function manifest(inputs: Properties): Properties {
  if (inputs.kind !== "Secret" || inputs.apiVersion !== "v1" || !isObject(inputs.stringData)) return inputs;
  const { stringData, ...rest } = inputs;
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    isUnknown(value) ? value : Buffer.from(String(value)).toString("base64"),
  ]);
  return { ...rest, data: { ...(inputs.data as Properties | undefined), ...Object.fromEntries(encoded) } };
}

/** What a program would have to declare to get `live`, as far as `oldInputs` declared it. */
export function declaredInputs(kind: Kind, live: Properties, oldInputs: Properties): Properties {
  const { stringData } = oldInputs;
  if (!isObject(stringData) || !isObject(live.data)) return prune(kind, live, oldInputs) as Properties;
  const declared: Properties = {};
  const data: Properties = {};
  for (const [key, value] of Object.entries(live.data)) {
    if (key in stringData) declared[key] = Buffer.from(String(value), "base64").toString();
    else data[key] = value;
  }
  return prune(kind, { ...live, data, stringData: declared }, oldInputs) as Properties;
}

/** What a program has to declare to take over `live`, which it does not know yet. */
export function importedInputs(live: Properties): Properties {
  const { status: _status, metadata, ...rest } = live;
  const entries = Object.entries((metadata ?? {}) as Properties);
  return {
    ...rest,
    metadata: Object.fromEntries(entries.filter(([field]) => !SERVER_METADATA.includes(field))),
  };
}

/**
 * The part of `live` that has the shape of `inputs`: what the program once declared, with the live values. Empty
 * values stay as declared, because the server leaves them out.
 */
export function prune(kind: Pick<Kind, "builtIn">, live: unknown, inputs: unknown): unknown {
  if (isObject(live) && isObject(inputs)) {
    const keys = Object.keys(inputs).filter((key) => live[key] !== undefined || isEmpty(inputs[key]));
    return Object.fromEntries(keys.map((key) => [key, prune(kind, live[key] ?? inputs[key], inputs[key])]));
  }
  if (!Array.isArray(live) || !Array.isArray(inputs)) return live;
  if (kind.builtIn && inputs.length > 0 && [...live, ...inputs].every(hasName)) {
    // The server merges these lists by name, so that entries of others are theirs and the order is ours.
    return inputs.flatMap((input) => {
      const match = live.find((entry) => entry.name === input.name);
      return match === undefined ? [] : [prune(kind, match, input)];
    });
  }
  return live.map((entry, index) => (index < inputs.length ? prune(kind, entry, inputs[index]) : entry));
}

function hasName(entry: unknown): boolean {
  return isObject(entry) && typeof entry.name === "string";
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) return Object.values(value).every(isEmpty);
  return value === "" || value === false || value === 0;
}

/** The value of an object's annotation. */
export function annotation(object: Properties, name: string): string | undefined {
  const value = at(object, "metadata", "annotations", name);
  return typeof value === "string" ? value : undefined;
}
