/** The only reader of stack config: one typed, validated value, or every mistake at once. */
import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { crossChecks } from "./config/cross-checks.ts";
import { type Config, type SecretName, schema, secrets } from "./config/schema.ts";

export type { Config, Model } from "./config/schema.ts";

const project = "modelcar";

/** The secrets that the stack sets. */
export type Secrets = { readonly [K in SecretName]?: pulumi.Output<string> };

/** Either the typed config, or one line for each mistake: key, value, what is allowed. */
export type ParseResult = { readonly config: Config } | { readonly errors: readonly string[] };

/**
 * Checks raw config (the keys without `modelcar:`, values as parsed JSON). `encrypted` are the keys whose values Pulumi
 * keeps encrypted; these values are in no message. Pure.
 */
export function parseConfig(
  raw: Readonly<Record<string, unknown>>,
  encrypted: ReadonlySet<string> = new Set(),
): ParseResult {
  const [secretKeys, plainKeys] = partition(Object.keys(raw), (key): key is SecretName => key in secrets);
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

/**
 * The config of the selected stack and its secrets. Throws a RunError that lists every mistake; the CLI shows it without a
 * stack trace.
 */
export function loadConfig(): Config & { readonly secrets: Secrets } {
  const raw = rawConfig();
  const result = parseConfig(raw, encryptedKeys(Object.keys(raw)));
  if ("errors" in result) throw mistakes(result.errors);
  const stack = new pulumi.Config(project);
  const set = (Object.keys(secrets) as SecretName[]).filter((key) => raw[key] !== undefined);
  return { ...result.config, secrets: Object.fromEntries(set.map((key) => [key, stack.requireSecret(key)])) };
}

/** One error for the CLI that lists mistakes in the stack's config. */
export function mistakes(errors: readonly string[]): pulumi.RunError {
  const count = errors.length === 1 ? "1 mistake" : `${errors.length} mistakes`;
  return new pulumi.RunError(
    `${count} in the config of stack ${pulumi.getStack()}:\n  ${errors.join("\n  ")}`,
  );
}

/** Every `modelcar:` key that the stack sets, so that a misspelt key is seen too. */
function rawConfig(): Record<string, unknown> {
  const entries = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(`${project}:`));
  return Object.fromEntries(
    entries.map(([key, value]) => [key.slice(project.length + 1), parseValue(value)]),
  );
}

/** The keys that hold secrets, wholly or in part. Pulumi knows them, but leaves them out of its published types. */
function encryptedKeys(keys: readonly string[]): Set<string> {
  const { isConfigSecret } = pulumi.runtime as { isConfigSecret?: (key: string) => boolean };
  if (!isConfigSecret) throw new Error("this version of @pulumi/pulumi does not tell which config is secret");
  return new Set(keys.filter((key) => isConfigSecret(`${project}:${key}`)));
}

/** Pulumi hands objects and lists over as JSON text. */
function parseValue(value: string): unknown {
  if (!/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
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

/** A URL's user and password are in no message either. */
const withoutLogin = (json: string | undefined) => json?.replace(/(https?:\/\/)(?:[^"\\]|\\.)*@/gi, "$1…@");

function keyPath(path: readonly PropertyKey[]): string {
  const joined = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return `${project}:${joined.replace(/^\./, "")}`;
}

function partition<T, S extends T>(items: readonly T[], is: (item: T) => item is S): [S[], Exclude<T, S>[]] {
  return [items.filter(is), items.filter((item): item is Exclude<T, S> => !is(item))];
}
