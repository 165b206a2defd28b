import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { choice, integer, kinds, list, nonEmpty, withOrWithout } from "../config/fields.ts";
import { schema, secrets } from "../config/schema.ts";
import type { Documented } from "./describe-config/comments.ts";
import { type Key, keysOf } from "./describe-config/keys.ts";
import { allKeys, file, page } from "./describe-config.ts";

let keys: Key[];
// TypeScript reads the types of zod: this takes seconds, many on a busy machine.
beforeAll(() => {
  keys = allKeys();
}, 120_000);

test("docs/configuration.md is what npm run docs writes now", () => {
  expect(readFileSync(file, "utf8"), "run npm run docs").toBe(page(keys));
});

interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
}

/** Every key in zod's own JSON Schema; `hidden` collects the places that the schema says nothing about. */
function paths(json: JsonSchema, path: string, hidden: string[]): string[] {
  const { type, properties = {}, additionalProperties, items, oneOf = [], anyOf = [] } = json;
  const any = [...oneOf, ...anyOf];
  if (!type && any.length === 0) hidden.push(path);
  return [
    ...Object.entries(properties).flatMap(([key, value]) => {
      const at = path === "" ? key : `${path}.${key}`;
      return [at, ...paths(value, at, hidden)];
    }),
    ...(additionalProperties ? paths(additionalProperties, `${path}.<name>`, hidden) : []),
    ...(items ? paths(items, `${path}[]`, hidden) : []),
    ...any.flatMap((shape) => paths(shape, path, hidden)),
  ];
}

test("every key of the schema has a row", () => {
  const hidden: string[] = [];
  const options = { io: "input", unrepresentable: "any" } as const;
  const all = paths(z.toJSONSchema(schema, options) as JsonSchema, "", hidden);
  expect(hidden).toEqual(["objectStore", "models[].source"]);
  // Hidden keys are recorded when the schema reads them.
  const recorder = (path: string, present: boolean) =>
    new Proxy(
      {},
      {
        has: () => present,
        get: (_, key) => {
          if (typeof key === "string") all.push(`${path}.${key}`);
        },
      },
    );
  for (const present of [true, false]) {
    schema.safeParse({
      objectStore: recorder("objectStore", present),
      models: [{ source: recorder("models[].source", present) }],
    });
  }
  expect(all).toEqual(
    expect.arrayContaining(["objectStore.endpoint", "objectStore.retain", "models[].source.uri"]),
  );
  expect(new Set(keys.map(({ path }) => path))).toEqual(new Set([...all, ...Object.keys(secrets)]));
});

test("a key without a comment is named", () => {
  const bare = keys.map((key) => (key.path === "models[].serve.gpus" ? { ...key, meaning: "" } : key));
  expect(() => page(bare)).toThrow(/comment .*: models\[\]\.serve\.gpus$/);
});

/** Comments that name their own place. */
const commented = (path: string): Documented => ({
  property: (key) => ({ comment: `On ${path}${key}. Default: said.`, value: commented(`${path}${key}.`) }),
  items: () => commented(`${path}*.`),
  where: (key, value) => commented(`${path}(${key}=${value})`),
});
const describe = (shape: z.ZodType) =>
  keysOf(shape, commented("")).map((key) =>
    [key.path, key.shape, key.form, key.fallback, key.meaning].join(" | "),
  );

test("lists, records, kinds and defaults are seen through", () => {
  const shape = z.strictObject({
    either: kinds(
      [
        z.strictObject({ kind: z.literal("a"), one: integer(1, 2).default(1) }),
        z.strictObject({
          kind: z.literal("b"),
          two: z.record(z.string(), nonEmpty, { error: "texts" }).optional(),
        }),
      ],
      "a",
      "b",
    ),
    many: list(z.strictObject({ mode: choice("x", "y") }), "things").min(1, { error: "at least one" }),
  });
  expect(describe(shape)).toEqual([
    "either |  | a set of keys | required: said | On either.",
    "either.kind |  | one of: a, b | required: said | On either.kind.",
    "either.one | kind: a | a whole number from 1 to 2 | `1`: said | On either.(kind=a)one.",
    "either.two | kind: b | texts, each a text that is not empty | said | On either.(kind=b)two.",
    "many |  | at least one, each a set of keys | required: said | On many.",
    "many[].mode |  | one of: x, y | required: said | On many.*.mode.",
  ]);
});

test("shapes that zod hides are found by parsing", () => {
  const shapes = withOrWithout(
    "far",
    z.strictObject({ far: nonEmpty }),
    z.strictObject({ near: integer(0, 9) }),
  );
  expect(describe(z.strictObject({ where: shapes })).slice(1)).toEqual([
    "where.far | with far | a text that is not empty | required: said | On where.(far=true)far.",
    "where.near | without far | a whole number from 0 to 9 | required: said | On where.(far=false)near.",
  ]);
});

test("a schema that cannot be inspected is refused, not left out", () => {
  expect(() => describe(z.strictObject({ odd: z.tuple([nonEmpty]) }))).toThrow(/^odd: .*"tuple"/);
  expect(() => describe(z.strictObject({ odd: z.unknown().transform(String) }))).toThrow(
    /^odd: .*cannot be seen/,
  );
});
