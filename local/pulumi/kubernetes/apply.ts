import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { at, equal, isObject, type Properties } from "../properties.ts";
import { annotation, manifest } from "./check.ts";
import { ApiError, isNotFound, type KubernetesClient, type ObjectReference } from "./client.ts";

/** How an object is written. */
export interface Write {
  readonly client: KubernetesClient;
  readonly reference: ObjectReference & { readonly name: string };
  /** What the program declares, free of secret marks. */
  readonly inputs: Properties;
  readonly fieldManager: string;
  /** Takes over fields that others manage instead of reporting a conflict. */
  readonly force: boolean;
  /** Lets the server check everything and change nothing. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

const CREATE_ATTEMPTS = 5;

/** The field manager of an object: as annotated, as in its state, or a new one. */
export function fieldManagerOf(inputs: Properties, state: Properties): string {
  const annotated = annotation(inputs, "pulumi.com/patchFieldManager");
  if (annotated) return annotated;
  if (typeof state.__fieldManager === "string") return state.__fieldManager;
  return `pulumi-kubernetes-${randomBytes(4).toString("hex")}`;
}

/**
 * Creates the object; an existing one is an error. A namespace or a kind that the server does not know yet is tried
 * again for a few seconds, because others may be creating it.
 */
export async function createObject(write: Write): Promise<Properties> {
  const { client, reference, inputs, signal, dryRun } = write;
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.create(
        reference,
        manifest(inputs),
        query(write, { fieldValidation: "Warn" }),
        signal,
      );
    } catch (error) {
      if (dryRun || !isNotFound(error) || attempt === CREATE_ATTEMPTS) throw error;
      await sleep(250 * 2 ** attempt, undefined, { signal });
    }
  }
}

/** Applies the object over `live`; fields of other managers that differ are a conflict. */
export async function applyObject(
  write: Write,
  live: Properties,
  ignoreChanges: readonly string[],
): Promise<Properties> {
  const { client, reference, inputs, fieldManager, dryRun, signal } = write;
  const annotated = annotation(inputs, "pulumi.com/patchForce");
  const created = dryRun ? undefined : takeOverCreated(live, fieldManager);
  if (created) await client.patch(reference, "application/json-patch+json", created, {}, signal);
  const force =
    (annotated === undefined ? write.force : annotated === "true") ||
    // A dry run cannot take over what we created, so that it would conflict with ourselves.
    (dryRun && takeOverCreated(live, fieldManager) !== undefined);
  try {
    return await client.patch(
      reference,
      "application/apply-patch+yaml",
      withoutIgnored(manifest(inputs), live, ignoreChanges, fieldManager),
      query(write, { force: String(force) }),
      signal,
    );
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 409) throw error;
    throw new ApiError(
      error.code,
      error.reason,
      `${error.message} (field manager ${fieldManager}). Leave these fields to their owner, or list them in the ` +
        'resource option ignoreChanges, or take them over with the annotation pulumi.com/patchForce: "true".',
    );
  }
}

function query({ fieldManager, dryRun }: Write, more: Record<string, string>): Record<string, string> {
  return { fieldManager, ...more, ...(dryRun ? { dryRun: "All" } : {}) };
}

function managedFields(live: Properties): Properties[] {
  return (at(live, "metadata", "managedFields") ?? []) as Properties[];
}

/**
 * A JSON patch that makes what we created count as applied by us, without which a field that the program drops would
 * stay. Undefined when there is nothing to do.
 */
function takeOverCreated(live: Properties, fieldManager: string): unknown[] | undefined {
  const entries = managedFields(live);
  const ours = (operation: string) => (entry: Properties) =>
    entry.manager === fieldManager && entry.operation === operation && !entry.subresource;
  const index = entries.findIndex(ours("Update"));
  if (index < 0 || entries.some(ours("Apply"))) return undefined;
  const path = "/metadata/managedFields";
  return [
    { op: "test", path: "/metadata/resourceVersion", value: at(live, "metadata", "resourceVersion") },
    { op: "replace", path: `${path}/${index}/operation`, value: "Apply" },
  ];
}

/** `applied` without ignored fields of other managers, and with the live values of ignored fields of ours. */
function withoutIgnored(
  applied: Properties,
  live: Properties,
  ignoreChanges: readonly string[],
  fieldManager: string,
): Properties {
  let result = applied;
  for (const path of ignoreChanges) {
    const keys = path.split(".");
    const owned = (isOurs: boolean) =>
      managedFields(live).some(
        (entry) =>
          (entry.manager === fieldManager) === isOurs &&
          at(entry.fieldsV1, ...keys.map((key) => `f:${key}`)) !== undefined,
      );
    const value = at(live, ...keys);
    if (owned(false) && !owned(true)) result = replaced(result, keys, undefined);
    else if (value !== undefined && !equal(value, at(result, ...keys)))
      result = replaced(result, keys, value);
  }
  return result;
}

function replaced(object: Properties, [key = "", ...rest]: string[], value: unknown): Properties {
  const { [key]: old, ...others } = object;
  if (rest.length === 0) return value === undefined ? others : { ...object, [key]: value };
  if (!isObject(old)) return object;
  return { ...object, [key]: replaced(old, rest, value) };
}
