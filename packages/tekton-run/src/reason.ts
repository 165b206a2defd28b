/** Why a new run is needed, as a text for the user. */
import type { Change } from "./changes.ts";

/** Maximum length of a value in the preview; some params are whole manifests. */
const longestShown = 60;

/** A changed input with its old and new value; of a digest only the name. */
export function reasonOf({ name, before, after, isLater }: Change): string {
  const later = "known after apply, no run if it stays";
  const isDigest = name === "definition" || name === "trigger";
  if (isLater && (isDigest || before === undefined)) return `${name} (${later})`;
  if (isDigest) return name;
  const [old, next] = [before, after].map((value) => (value === undefined ? "none" : JSON.stringify(value)));
  const [from = "", to = ""] = isLater ? [cut(old, 0), ""] : differing(old ?? "", next ?? "");
  return `${name} (${from} → ${isLater ? later : to})`;
}

/** Excerpts of two texts from where they differ, because a param may be a whole manifest. */
function differing(...texts: [string, string]): string[] {
  const [one, other] = texts;
  const same = [...one].findIndex((letter, at) => letter !== other[at]);
  const isLong = texts.some(({ length }) => length > longestShown);
  return texts.map((text) => cut(text, isLong ? Math.max(0, same - longestShown / 3) : 0));
}

function cut(text = "", start: number): string {
  const end = start + longestShown;
  return `${start > 0 ? "…" : ""}${text.slice(start, end)}${text.length > end ? "…" : ""}`;
}
