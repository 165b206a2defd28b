import { randomInt } from "node:crypto";
import type { Properties } from "./properties.ts";

const DEFAULT_SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

/** A random text of `length` characters with at least the requested number of each kind. */
export function randomText(inputs: Properties): string {
  const kinds = [
    { characters: "abcdefghijklmnopqrstuvwxyz", use: inputs.lower ?? true, least: inputs.minLower },
    { characters: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", use: inputs.upper ?? true, least: inputs.minUpper },
    { characters: "0123456789", use: inputs.numeric ?? true, least: inputs.minNumeric },
    {
      characters: (inputs.overrideSpecial as string | undefined) || DEFAULT_SPECIAL,
      use: inputs.special ?? true,
      least: inputs.minSpecial,
    },
  ];
  const pick = (characters: string) => characters.charAt(randomInt(characters.length));
  const all = kinds.map(({ characters, use }) => (use ? characters : "")).join("");
  const text = kinds.flatMap(({ characters, least }) =>
    Array.from({ length: Number(least ?? 0) }, () => pick(characters)),
  );
  const length = Number(inputs.length);
  if (text.length > length) throw new Error(`length ${length} is less than the sum of the min… inputs`);
  if (text.length < length && all === "") throw new Error("no kind of character is allowed");
  while (text.length < length) text.push(pick(all));
  for (let last = text.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [text[last], text[other]] = [text[other] as string, text[last] as string];
  }
  return text.join("");
}
