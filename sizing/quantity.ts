/** Kubernetes quantities ("500m", "16Gi") as numbers, and back in the canonical form that the API server stores. */

const units: Readonly<Record<string, number>> = {
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

const pattern = /^(\d+(?:\.\d+)?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/;

/** Whether {@link parseQuantity} accepts a text. */
export function isQuantity(text: string): boolean {
  return pattern.test(text);
}

/** The number of base units (cores, bytes, items). Throws if the text is not a quantity. */
export function parseQuantity(text: string): number {
  const match = pattern.exec(text);
  const scale = units[match?.[2] ?? ""];
  if (!match || scale === undefined) throw new Error(`"${text}" is not a Kubernetes quantity`);
  return Number(match[1]) * scale;
}

/** Cores in Kubernetes' format: whole cores as a number, fractions in thousandths, rounded up. */
export function formatCpu(cores: number): string {
  const thousandths = Math.ceil(Number((cores * 1000).toFixed(6)));
  return thousandths % 1000 === 0 ? String(thousandths / 1000) : `${thousandths}m`;
}

/** Bytes in Kubernetes' format: in the largest binary unit without a fraction. */
export function formatBytes(bytes: number): string {
  const whole = Math.ceil(bytes);
  for (const unit of ["Pi", "Ti", "Gi", "Mi", "Ki"]) {
    const scale = units[unit] ?? 1;
    if (whole > 0 && whole % scale === 0) return `${whole / scale}${unit}`;
  }
  return String(whole);
}
