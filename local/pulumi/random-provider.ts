/** Stand-in for `pulumi-resource-random`: RandomPassword, RandomString and RandomId. */
import { randomBytes } from "node:crypto";
import { pulumiRequire } from "./plugin-server.ts";
import { equal, type Properties, plainObject, secret } from "./properties.ts";
import type { DiffResult, Resource } from "./provider.ts";
import { serveProvider } from "./provider-server.ts";
import { randomText } from "./random-text.ts";

const PLUGIN = "pulumi-resource-random";

const STRING_INPUTS = {
  length: "number",
  lower: "boolean",
  minLower: "number",
  upper: "boolean",
  minUpper: "number",
  numeric: "boolean",
  minNumeric: "number",
  special: "boolean",
  minSpecial: "number",
  overrideSpecial: "string",
  keepers: "object",
};
const TYPES: Record<string, { inputs: Record<string, string>; required: string }> = {
  "random:index/randomPassword:RandomPassword": { inputs: STRING_INPUTS, required: "length" },
  "random:index/randomString:RandomString": { inputs: STRING_INPUTS, required: "length" },
  "random:index/randomId:RandomId": {
    inputs: { byteLength: "number", prefix: "string", keepers: "object" },
    required: "byteLength",
  },
};

function supported({ type }: Resource): (typeof TYPES)[string] {
  const known = TYPES[type];
  if (known) return known;
  throw new Error(
    `${PLUGIN} here is a stand-in that serves only ${Object.keys(TYPES).join(", ")}, not ${type}`,
  );
}

function randomId(inputs: Properties): Properties {
  const bytes = randomBytes(Number(inputs.byteLength));
  const prefix = (inputs.prefix as string | undefined) ?? "";
  return {
    ...inputs,
    b64Std: prefix + bytes.toString("base64"),
    b64Url: prefix + bytes.toString("base64url"),
    hex: prefix + bytes.toString("hex"),
    dec: prefix + BigInt(`0x${bytes.toString("hex")}`).toString(),
  };
}

await serveProvider({
  plugin: PLUGIN,
  version: (pulumiRequire("@pulumi/random/package.json") as { version: string }).version,

  async check(resource, _olds, news) {
    const { inputs, required } = supported(resource);
    const failures = Object.keys(news)
      .filter((name) => !(name in inputs))
      .map((property) => ({
        property,
        reason: `${PLUGIN} here is a stand-in that does not know this input`,
      }));
    if (news[required] === undefined) failures.push({ property: required, reason: "is required" });
    return { inputs: news, failures };
  },

  // A value is drawn once, so every change of the inputs replaces the resource.
  async diff(_resource, _id, olds, oldInputs, news): Promise<DiffResult> {
    const before = plainObject(Object.keys(oldInputs).length > 0 ? oldInputs : olds);
    const after = plainObject(news);
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    const changed = [...names].filter((name) => !equal(before[name], after[name]));
    return { changes: new Map(changed.map((name) => [name, { kind: "update", replace: true }])) };
  },

  async create(resource, inputs, { preview }) {
    supported(resource);
    if (preview) return { id: "", outputs: inputs };
    const plainInputs = plainObject(inputs);
    if (resource.type.endsWith(":RandomId")) {
      const outputs = randomId(plainInputs);
      return { id: outputs.b64Url as string, outputs: { ...outputs, ...inputs } };
    }
    const result = randomText(plainInputs);
    const isPassword = resource.type.endsWith(":RandomPassword");
    return {
      id: isPassword ? "none" : result,
      outputs: { ...inputs, result: isPassword ? secret(result) : result },
    };
  },

  async read(_resource, id, inputs, state) {
    return { id, outputs: state, inputs };
  },

  async update(resource) {
    throw new Error(`${resource.name}: a random value is replaced, never updated`);
  },

  async delete() {},
});
