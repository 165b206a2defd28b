/** Reads a stack's configuration from Pulumi's files, without Pulumi's CLI: no login, no passphrase. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
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
  const hidden = [...encrypted].filter((key) => !Object.hasOwn(secrets, key));
  if (hidden.length > 0) {
    throw new ConfigError(
      `${file}: ${hidden.map((key) => prefix + key).join(", ")} must not be encrypted, because only Pulumi can decrypt it: set it without --secret`,
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

/**
 * The `config` of one of Pulumi's files, by key without `modelcar:`; keys of other projects are left out.
 * @throws ConfigError if the file cannot be read, is not YAML, or has no set of keys.
 */
export function entriesOf(file: string): Entries {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message}`);
  }
  // Without the lines that it quotes: they may hold a secret.
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const line = text.slice(0, error.pos[0]).split("\n").length;
    throw new ConfigError(`${file}, line ${line}: ${error.message}`);
  }
  const content: unknown = document.toJS();
  if (content === null) return {};
  const config = isMapping(content) ? (content.config ?? {}) : undefined;
  if (!isMapping(config)) throw new ConfigError(`${file}: config must be a set of keys, as Pulumi writes it`);
  if (refersToItself(config)) throw new ConfigError(`${file}: an alias refers to the value that contains it`);
  return ownEntries({ config });
}

const isMapping = (value: unknown): value is Entries =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function refersToItself(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return false;
  } catch {
    return true;
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
