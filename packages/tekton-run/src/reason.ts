/** Why another run is asked for, in words. */
import type { Change } from "./changes.ts";

/** Letters of a value in a line of the preview; some params are whole manifests. */
const longestShown = 60;

/** An input that changes, from what to what. Of a digest only the name says something. */
export function reasonOf({ name, before, after, isLater }: Change): string {
  const later = "known after apply, no run if it stays";
  const isDigest = name === "definition" || name === "trigger";
  if (isLater && (isDigest || before === undefined)) return `${name} (${later})`;
  if (isDigest) return name;
  const [old, next] = [before, after].map((value) => (value === undefined ? "none" : JSON.stringify(value)));
  const [from = "", to = ""] = isLater ? [cut(old, 0), ""] : differing(old ?? "", next ?? "");
  return `${name} (${from} → ${isLater ? later : to})`;
}

/** Two texts where they begin to differ, because a param may be a whole manifest. */
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
