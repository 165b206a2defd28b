import { equal, isObject, isUnknown, type Properties } from "../properties.ts";
import type { DiffKind, DiffResult } from "../provider.ts";
import { isAutonamed, manifest, prune } from "./check.ts";
import type { Kind } from "./kinds.ts";
import { withCanonicalQuantities } from "./quantity.ts";

/** Which of the mutable-by-option kinds change in place. */
export interface DiffOptions {
  readonly enableSecretMutable: boolean;
  readonly enableConfigMapMutable: boolean;
  readonly ignoreChanges: readonly string[];
}

/**
 * What has to change for the live object to become what the program says now.
 *
 * Compared are the fields that the program declares now or declared before; all others belong to the cluster. `live`
 * is the object as last read, so that a drift that a refresh found is a change.
 */
export function diffObject(
  kind: Kind,
  oldInputs: Properties,
  live: Properties,
  newInputs: Properties,
  options: DiffOptions,
): DiffResult {
  const after = normalized(kind, newInputs);
  const pruned = prune(kind, normalized(kind, live), normalized(kind, oldInputs));
  const changes = new Map<string, { kind: DiffKind; replace: boolean }>();
  const mutable =
    (kind.kind === "Secret" && options.enableSecretMutable) ||
    (kind.kind === "ConfigMap" && options.enableConfigMapMutable);
  const immutable = [
    "metadata.name",
    "metadata.namespace",
    ...kind.immutable.filter((path) => !mutable || path === "type"),
  ];
  compare([], pruned, after, (path, change) => {
    const text = propertyPath(asDeclared(path, oldInputs, newInputs));
    if (options.ignoreChanges.some((ignored) => isWithin(text, ignored))) return;
    const plainPath = path.join(".");
    const replace = immutable.some((field) => isWithin(plainPath, field) || isWithin(field, plainPath));
    changes.set(text, { kind: change, replace });
  });
  const sameName = sameIdentity(kind, live, after);
  return { changes, deleteBeforeReplace: sameName && !isAutonamed(after) };
}

function normalized(kind: Kind, inputs: Properties): Properties {
  const { status: _status, ...rest } = withCanonicalQuantities(kind.kind, manifest(inputs));
  return rest;
}

function sameIdentity(kind: Kind, live: Properties, after: Properties): boolean {
  const fields = kind.namespaced ? ["name", "namespace"] : ["name"];
  return fields.every((field) =>
    equal((live.metadata as Properties)?.[field], (after.metadata as Properties)?.[field]),
  );
}

type Path = readonly (string | number)[];
type Report = (path: Path, change: DiffKind) => void;

function compare(path: Path, live: unknown, after: unknown, report: Report): void {
  if (isUnknown(after)) {
    report(path, live === undefined ? "add" : "update");
  } else if (live === undefined && after === undefined) {
    return;
  } else if (after === undefined) {
    report(path, "delete");
  } else if (live === undefined) {
    report(path, "add");
  } else if (isObject(live) && isObject(after)) {
    for (const key of new Set([...Object.keys(live), ...Object.keys(after)])) {
      compare([...path, key], live[key], after[key], report);
    }
  } else if (Array.isArray(live) && Array.isArray(after)) {
    for (let index = 0; index < Math.max(live.length, after.length); index++) {
      compare([...path, index], live[index], after[index], report);
    }
  } else if (!equal(live, after)) {
    report(path, "update");
  }
}

/** A Secret's value is shown where the program declares it: in `stringData` if it is there. */
function asDeclared(path: Path, oldInputs: Properties, newInputs: Properties): Path {
  const [field, key, ...rest] = path;
  const isText = (inputs: Properties) =>
    isObject(inputs.stringData) && key !== undefined && key in inputs.stringData;
  return field === "data" && (isText(newInputs) || isText(oldInputs))
    ? ["stringData", key as string, ...rest]
    : path;
}

/** `path` as the engine writes property paths: `spec.containers[0]["a.b"]`. */
export function propertyPath(path: Path): string {
  return path
    .map((key, index) => {
      if (typeof key === "number") return `[${key}]`;
      if (!/^[\w$-]+$/.test(key)) return `[${JSON.stringify(key)}]`;
      return index === 0 ? key : `.${key}`;
    })
    .join("");
}

function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || (path.startsWith(ancestor) && /^[.[]/.test(path.slice(ancestor.length)));
}
