/** Differences between a run's old and new inputs, for messages and for Pulumi's diff. Does not depend on Pulumi. */

import { digestOf } from "@modelcar/kubernetes/digest";
import {
  meaning,
  type Param,
  type RunInputs,
  unknown,
  unknownValue,
  type WorkspaceBinding,
} from "./inputs.ts";

/** A changed input that starts a new run. */
export interface Change {
  /** Such as "params.HUGGINGFACE_REVISION". */
  readonly name: string;
  /** Undefined if there was none. */
  readonly before: unknown;
  /** Undefined if there is none. */
  readonly after: unknown;
  /** Whether `after`, or a part of it, is known only after apply. */
  readonly isLater: boolean;
}

/** The changed inputs that start a new run. An unknown list or spec counts as one change, not as one for each of its entries. */
export function changes(olds: RunInputs, news: RunInputs): Change[] {
  const [before, after] = [meaning(olds), meaning(news)];
  const whole = (kind: string) => unknown(after[kind]);
  const isInside = (key: string) =>
    (whole("spec") && /^(pipeline$|params|workspaces)/.test(key)) ||
    ["params", "workspaces"].some((kind) => whole(kind) && key.startsWith(`${kind}.`));
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys]
    .filter((key) => !isInside(key) && digestOf(before[key]) !== digestOf(after[key]))
    .map((name) => ({
      name,
      before: before[name],
      after: after[name],
      isLater: (JSON.stringify(after[name]) ?? "").includes(unknownValue),
    }));
}

/** Names of the {@link changes}. */
export const changedInputs = (olds: RunInputs, news: RunInputs): string[] =>
  changes(olds, news).map(({ name }) => name);

/**
 * Inputs whose params and workspaces are in the order of the old ones: Pulumi compares lists by position, and would show all
 * entries after a new one as changed. Their order has no meaning.
 */
export function inOrderOf(olds: Partial<RunInputs>, news: RunInputs): RunInputs {
  const { params, workspaces } = news.spec ?? {};
  if (!Array.isArray(params) || !Array.isArray(workspaces)) return news;
  const spec = {
    ...news.spec,
    params: placed(olds.spec?.params, params as readonly Param[]),
    workspaces: placed(olds.spec?.workspaces, workspaces as readonly WorkspaceBinding[]),
  };
  return { ...news, spec };
}

/** New entries take the places of removed ones, then the last entries do; the remaining new entries come last. */
function placed<T extends { readonly name: string }>(
  olds: readonly T[] | undefined,
  news: readonly T[],
): readonly T[] {
  if (!Array.isArray(olds)) return news;
  const before = new Set(olds.map((item: T) => item?.name));
  const added = news.filter(({ name }) => !before.has(name));
  const kept = olds.map((old: T) => news.find(({ name }) => name === old?.name) ?? added.shift());
  for (let at = 0; at < kept.length; at++) {
    while (kept.length > at && kept.at(-1) === undefined) kept.pop();
    if (at < kept.length) kept[at] ??= kept.pop();
  }
  return [...(kept as T[]), ...added];
}
