/** Reads the stack's config; nothing else in the program does. */
import * as pulumi from "@pulumi/pulumi";
import { type Config, parseConfig, project } from "./config.ts";
import { type SecretName, secrets } from "./schema.ts";

/** The secrets that the stack sets. */
export type Secrets = { readonly [K in SecretName]?: pulumi.Output<string> };

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

/** One error for the CLI that lists all mistakes in the stack's config. */
export function mistakes(errors: readonly string[]): pulumi.RunError {
  const count = errors.length === 1 ? "1 mistake" : `${errors.length} mistakes`;
  return new pulumi.RunError(
    `${count} in the config of stack ${pulumi.getStack()}:\n  ${errors.join("\n  ")}`,
  );
}

/** Every `modelcar:` key that the stack sets, so that misspelt keys are found too. */
function rawConfig(): Record<string, unknown> {
  const entries = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(`${project}:`));
  return Object.fromEntries(
    entries.map(([key, value]) => [key.slice(project.length + 1), parseValue(value)]),
  );
}

/** The keys that contain secrets. Pulumi's function for this is missing in its published types. */
function encryptedKeys(keys: readonly string[]): Set<string> {
  const { isConfigSecret } = pulumi.runtime as { isConfigSecret?: (key: string) => boolean };
  if (!isConfigSecret)
    throw new Error(
      "this version of @pulumi/pulumi does not expose which config is secret: install the version of package.json",
    );
  return new Set(keys.filter((key) => isConfigSecret(`${project}:${key}`)));
}

/** Pulumi passes objects and lists as JSON text. */
function parseValue(value: string): unknown {
  if (!/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
