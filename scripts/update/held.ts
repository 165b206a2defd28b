/** The pins that do not move, or not as far as they could: each with its reason, in held.json. */
import held from "./held.json" with { type: "json" };

export interface Hold {
  /** How far it may move, in its ecosystem's own syntax (`<7` for npm and pip, `v1.34` for Go). Default: not at all. */
  readonly within?: string;
  readonly because: string;
}

/**
 * The holds of a file, by the name of what it pins.
 * @throws Error if one names something that the file does not pin.
 */
export function holdsOf(file: string, pinned: readonly string[]): Readonly<Record<string, Hold>> {
  const holds = (held as Readonly<Record<string, Readonly<Record<string, Hold>>>>)[file] ?? {};
  for (const name of Object.keys(holds))
    if (!pinned.includes(name))
      throw new Error(`scripts/update/held.json holds ${name}, which ${file} does not pin`);
  return holds;
}
