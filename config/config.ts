/** Validates a stack's config: returns one typed value, or all mistakes at once. Does not depend on Pulumi. */
import type { z } from "zod";
import { crossChecks } from "./cross-checks.ts";
import { type Config, type SecretName, schema, secrets } from "./schema.ts";

export type { Config, Model } from "./schema.ts";

/** Namespace of all config keys. */
export const project = "modelcar";

/** The typed config, or one line for each mistake: key, value, what is allowed. */
export type ParseResult = { readonly config: Config } | { readonly errors: readonly string[] };

/**
 * Validates raw config (the keys without `modelcar:`, values as parsed JSON). `encrypted` are the keys whose values Pulumi
 * encrypts; no message contains these values. Pure.
 */
export function parseConfig(
  raw: Readonly<Record<string, unknown>>,
  encrypted: ReadonlySet<string> = new Set(),
): ParseResult {
  const [secretKeys, plainKeys] = partition(Object.keys(raw), (key): key is SecretName =>
    Object.hasOwn(secrets, key),
  );
  const plain = Object.fromEntries(plainKeys.map((key) => [key, raw[key]]));
  const errors: string[] = [];
  const report = (path: readonly PropertyKey[], message: string) =>
    errors.push(`${keyPath(path)}: ${message}`);

  for (const key of secretKeys) {
    if (!encrypted.has(key)) {
      report([key], `${secrets[key]} must be encrypted: pulumi config set --secret ${project}:${key}`);
    } else if (raw[key] === "") report([key], `is empty; set it to ${secrets[key]}`);
  }
  const parsed = schema.safeParse(plain);
  for (const issue of parsed.error?.issues ?? []) describe(issue, plain, encrypted, report);
  crossChecks(plain, new Set(secretKeys), report);
  return parsed.success && errors.length === 0 ? { config: parsed.data } : { errors };
}

function describe(
  issue: z.core.$ZodIssue,
  raw: unknown,
  encrypted: ReadonlySet<string>,
  report: (path: readonly PropertyKey[], message: string) => void,
): void {
  if (issue.code === "unrecognized_keys") {
    for (const key of issue.keys) {
      report([...issue.path, key], "unknown key; check its spelling and its place");
    }
    return;
  }
  const value = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    raw,
  );
  const allowed =
    issue.code === "invalid_type" && issue.expected === "object" ? "a set of keys" : issue.message;
  const missing = value === undefined || value === "";
  const shown = encrypted.has(String(issue.path[0]))
    ? "its value (a secret)"
    : withoutLogin(JSON.stringify(value));
  report(issue.path, missing ? `missing; set it to ${allowed}` : `${shown} must be ${allowed}`);
}

/** Removes user, password and query, which may hold a token, from URLs and registries in messages. */
const withoutLogin = (json: string | undefined) =>
  json
    ?.replace(/(https?:\/\/)(?:[^"\\]|\\.)*@/gi, "$1…@")
    .replace(/(https?:\/\/[^"?]*)\?(?:[^"\\]|\\.)*/gi, "$1?…")
    .replace(/[^"\s/@:]+:[^"\s/@]+@(?!sha\d+:)/gi, "…@");

function keyPath(path: readonly PropertyKey[]): string {
  const joined = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return `${project}:${joined.replace(/^\./, "")}`;
}

function partition<T, S extends T>(items: readonly T[], is: (item: T) => item is S): [S[], Exclude<T, S>[]] {
  return [items.filter(is), items.filter((item): item is Exclude<T, S> => !is(item))];
}
