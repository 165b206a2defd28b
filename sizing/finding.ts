/** Results of sizing: errors stop a deployment, warnings show sums that are worth a look. */
export interface Findings {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** Several findings as one, in order. */
export function joinFindings(findings: readonly Findings[]): Findings {
  return {
    errors: findings.flatMap(({ errors }) => errors),
    warnings: findings.flatMap(({ warnings }) => warnings),
  };
}

/** A config key as `pulumi config set --path` takes it: modelcar:project.quota["requests.cpu"]. */
export function keyPath(...keys: readonly (string | number)[]): string {
  const parts = keys.map((key) => {
    if (typeof key === "number") return `[${key}]`;
    return /^[\w-]+$/.test(key) ? `.${key}` : `["${key}"]`;
  });
  return `modelcar:${parts.join("").replace(/^\./, "")}`;
}

/** Bytes as text: "13.4 GiB". */
export function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

/** "2", "2 or 4", "1, 2 or 4". */
export function oneOf(values: readonly (string | number)[]): string {
  const last = values.at(-1) ?? "none";
  return values.length > 1 ? `${values.slice(0, -1).join(", ")} or ${last}` : String(last);
}
