/** Reads a stack's configuration from Pulumi's files, without Pulumi's CLI: no login, no passphrase. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { type Config, parseConfig } from "../../config/config.ts";
import { secrets } from "../../config/schema.ts";

const prefix = "modelcar:";

type Entries = Readonly<Record<string, unknown>>;

/** The configuration is missing or wrong; the message says what to do. */
export class ConfigError extends Error {}

/** The file of a stack in the project's directory. */
export const stackFile = (directory: string, stack: string): string =>
  join(directory, `Pulumi.${stack}.yaml`);

/**
 * The config of a stack: its file over the defaults of Pulumi.yaml, checked as the program checks it. Throws a ConfigError
 * that lists every mistake, or the existing stacks.
 */
export function readStackConfig(
  directory: string,
  stack: string,
  file = stackFile(directory, stack),
): Config {
  if (!existsSync(file)) {
    const known = readdirSync(directory).flatMap((name) => /^Pulumi\.([^.]+)\.ya?ml$/.exec(name)?.[1] ?? []);
    throw new ConfigError(
      `there is no ${file}; --stack takes ${known.join(", ") || "no stack yet"}, --config-file any file`,
    );
  }
  return configOf({ ...projectDefaults(directory), ...entriesOf(file) }, file);
}

/** Defaults of Pulumi.yaml by key. Throws a ConfigError if it is not YAML. */
export function projectDefaults(directory: string): Entries {
  const project = entriesOf(join(directory, "Pulumi.yaml"));
  const defaults = Object.entries(project).flatMap(([key, definition]) => {
    const value = (definition as { default?: unknown } | null)?.default;
    return value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(defaults);
}

/** The config from raw YAML values by key. Throws a ConfigError that names `file`. Pure. */
export function configOf(raw: Entries, file: string): Config {
  const encrypted = new Set(Object.keys(raw).filter((key) => holdsSecret(raw[key])));
  const hidden = [...encrypted].filter((key) => !(key in secrets));
  if (hidden.length > 0) {
    throw new ConfigError(
      `${file}: ${hidden.map((key) => prefix + key).join(", ")} is encrypted, and only Pulumi can read it: set it without --secret`,
    );
  }
  const values = Object.entries(raw).map(([key, value]) => [
    key,
    encrypted.has(key) ? "(encrypted)" : asPulumi(value),
  ]);
  const result = parseConfig(Object.fromEntries(values), encrypted);
  if ("config" in result) return result.config;
  const count = result.errors.length === 1 ? "1 mistake" : `${result.errors.length} mistakes`;
  throw new ConfigError(`${count} in ${file}:\n  ${result.errors.join("\n  ")}`);
}

function entriesOf(file: string): Entries {
  try {
    return ownEntries(parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message}`);
  }
}

/** The `config` of a file's content, by key without `modelcar:`; it may have keys of other projects. */
export function ownEntries(content: { readonly config?: Entries } | null): Entries {
  const own = Object.entries(content?.config ?? {}).filter(
    ([key]) => key.startsWith(prefix) || !key.includes(":"),
  );
  return Object.fromEntries(own.map(([key, value]) => [key.replace(prefix, ""), value]));
}

function holdsSecret(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0] === "secure") return true;
  return Object.values(value).some(holdsSecret);
}

/** Pulumi passes top-level numbers and booleans to the program as strings. */
const asPulumi = (value: unknown): unknown =>
  typeof value === "number" || typeof value === "boolean" ? String(value) : value;
