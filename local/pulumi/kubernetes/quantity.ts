import { isObject, type Properties } from "../properties.ts";

const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const QUANTITY = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?\d+))?$/;
/** Fields whose values are maps of quantities: in every kind, and in some. */
const QUANTITY_MAPS = new Set(["requests", "limits"]);
const QUANTITY_MAPS_OF: Record<string, ReadonlySet<string>> = {
  ResourceQuota: new Set(["hard"]),
  LimitRange: new Set(["default", "defaultRequest", "max", "min", "maxLimitRequestRatio"]),
};

/** The form in which the API server writes the quantity `value`; `value` itself where it is none. */
export function canonicalQuantity(value: string | number): string {
  const text = String(value);
  const match = QUANTITY.exec(text);
  if (!match) return text;
  const [, sign = "", digits = "", suffix = "", exponent] = match;
  const [whole = "", fraction = ""] = digits.split(".");
  // Counted in billionths, the smallest unit there is.
  let nanos = BigInt(`${whole || "0"}${fraction.padEnd(9, "0").slice(0, 9)}`);
  const binary = BINARY.indexOf(suffix || "none");
  if (binary > 0) {
    nanos *= 1024n ** BigInt(binary);
    const units = nanos / 1_000_000_000n;
    if (units * 1_000_000_000n !== nanos) return sign + decimal(nanos);
    let power = 0;
    let count = units;
    while (count !== 0n && count % 1024n === 0n && power < BINARY.length - 1) {
      count /= 1024n;
      power++;
    }
    return `${sign}${count}${BINARY[power]}`;
  }
  const power = exponent === undefined ? (DECIMAL.indexOf(suffix) - 3) * 3 : Number(exponent);
  nanos = power >= 0 ? nanos * 10n ** BigInt(power) : nanos / 10n ** BigInt(-power);
  return sign + decimal(nanos);
}

function decimal(nanos: bigint): string {
  if (nanos === 0n) return "0";
  let power = 0;
  let count = nanos;
  while (count % 1000n === 0n && power < DECIMAL.length - 1) {
    count /= 1000n;
    power++;
  }
  return `${count}${DECIMAL[power]}`;
}

/** `object`, of a kind named `kind`, with its resource quantities in the form in which the API server writes them. */
export function withCanonicalQuantities(kind: string, object: Properties): Properties {
  const visit = (value: unknown, field: string): unknown => {
    if (Array.isArray(value)) return value.map((inner) => visit(inner, ""));
    if (!isObject(value)) return field === "sizeLimit" && isScalar(value) ? canonicalQuantity(value) : value;
    const isMap = QUANTITY_MAPS.has(field) || QUANTITY_MAPS_OF[kind]?.has(field);
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        isMap && isScalar(inner) ? canonicalQuantity(inner) : visit(inner, key),
      ]),
    );
  };
  return visit(object, "") as Properties;
}

function isScalar(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}
