/** What of a run's inputs differs from older ones, for people and for Pulumi's own diff. Plain data, no Pulumi. */

import { digestOf } from "@modelcar/kubernetes/digest";
import {
  meaning,
  type Param,
  type RunInputs,
  unknown,
  unknownValue,
  type WorkspaceBinding,
} from "./inputs.ts";

/** A meaningful input that differs. */
export interface Change {
  /** Such as "params.HUGGINGFACE_REVISION". */
  readonly name: string;
  /** Undefined where there was none. */
  readonly before: unknown;
  /** Undefined where there is none. */
  readonly after: unknown;
  /** Whether `after`, or something in it, is only known once another resource is there. */
  readonly isLater: boolean;
}

/** The meaningful inputs that differ. What is unknown as a whole is one of them, not all that was in it. */
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

/** Their names. */
export const changedInputs = (olds: RunInputs, news: RunInputs): string[] =>
  changes(olds, news).map(({ name }) => name);

/**
 * Inputs whose params and workspaces stand where older ones have them: Pulumi compares lists by position, and would show
 * all behind a new one as changed. Their order means nothing.
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

/** What is new takes the places of what is no more, then what is last does; and what is new still comes last. */
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
