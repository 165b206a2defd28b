import fc from "fast-check";
import { expect, it } from "vitest";
import { randomText } from "./random-text.ts";

it("has the requested length and at least the requested number of each kind", () => {
  const least = fc.integer({ min: 0, max: 5 });
  fc.assert(
    fc.property(least, least, least, least, fc.integer({ min: 0, max: 10 }), (a, b, c, d, more) => {
      const length = a + b + c + d + more;
      const text = randomText({ length, minLower: a, minUpper: b, minNumeric: c, minSpecial: d });
      const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
      expect(text).toHaveLength(length);
      expect(count(/[a-z]/g)).toBeGreaterThanOrEqual(a);
      expect(count(/[A-Z]/g)).toBeGreaterThanOrEqual(b);
      expect(count(/[0-9]/g)).toBeGreaterThanOrEqual(c);
      expect(count(/[^a-zA-Z0-9]/g)).toBeGreaterThanOrEqual(d);
    }),
  );
});

it("uses only the allowed characters", () => {
  const text = randomText({ length: 200, upper: false, numeric: false, overrideSpecial: "_-" });
  expect(text).toMatch(/^[a-z_-]{200}$/);
  expect(text).toMatch(/[_-]/);
  expect(randomText({ length: 50, special: false })).toMatch(/^[a-zA-Z0-9]{50}$/);
});

it("refuses impossible inputs", () => {
  expect(() => randomText({ length: 2, minLower: 3 })).toThrow("length 2 is less than");
  expect(() => randomText({ length: 1, lower: false, upper: false, numeric: false, special: false })).toThrow(
    "no kind of character is allowed",
  );
});
