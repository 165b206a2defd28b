import { createHash } from "node:crypto";

/** SHA-256 (hex) of plain data; the order of keys and keys with the value undefined make no difference. */
export function digestOf(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(value, sortKeys) ?? "undefined")
    .digest("hex");
}

function sortKeys(_: string, value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
