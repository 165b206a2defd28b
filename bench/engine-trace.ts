/** Where the time of a Pulumi command goes, from the trace that its engine writes (--otel-traces file://…). */
import { readFileSync } from "node:fs";

interface Span {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** The consecutive phases of a command that refreshes first, in seconds. They add up to the command's own time. */
export interface Phases {
  /** CLI, state and plugins start. */
  readonly start: number;
  /** Every object is read from the cluster and compared with the state. */
  readonly refresh: number;
  /** The program's Node starts and loads its modules, up to the first resource for a plugin. */
  readonly load: number;
  /** The program declares its resources, and plugins check and compare them. */
  readonly register: number;
  readonly end: number;
}

export interface TraceSummary {
  readonly phases: Phases;
  /** By method: the number of calls to plugins, and the seconds during which at least one was open. */
  readonly calls: Readonly<Record<string, { readonly count: number; readonly seconds: number }>>;
}

export function summary(file: string): TraceSummary {
  const spans = spansOf(file);
  const root = spans.find(({ name }) => name === "pulumi");
  const program = spans.find(({ name }) => name === "pulumirpc.LanguageRuntime/Run");
  const reads = ofMethod(spans, "Read");
  const checks = ofMethod(spans, "Check");
  if (!root || !program || checks.length === 0) throw new Error(`${file} has no run of a program`);
  const firstRead = Math.min(program.start, ...reads.map(({ start }) => start));
  const firstCheck = Math.min(
    ...ofMethod(spans, "CheckConfig")
      .concat(checks)
      .map(({ start }) => start),
  );
  const methods = ["Read", "Check", "Diff", "Create", "Update"];
  return {
    phases: {
      start: firstRead - root.start,
      refresh: program.start - firstRead,
      load: firstCheck - program.start,
      register: program.end - firstCheck,
      end: root.end - program.end,
    },
    calls: Object.fromEntries(
      methods
        .map((method) => [method, ofMethod(spans, method)] as const)
        .filter(([, calls]) => calls.length > 0)
        .map(([method, calls]) => [method, { count: calls.length, seconds: covered(calls) }]),
    ),
  };
}

const ofMethod = (spans: readonly Span[], method: string): Span[] =>
  spans.filter(({ name }) => name === `pulumirpc.ResourceProvider/${method}`);

/** The time covered by at least one span. */
function covered(spans: readonly Span[]): number {
  let [total, until] = [0, Number.NEGATIVE_INFINITY];
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    total += Math.max(0, end - Math.max(start, until));
    until = Math.max(until, end);
  }
  return total;
}

/** OTLP in JSON, one export a line. */
function spansOf(file: string): Span[] {
  const seconds = (nanoseconds: string) => Number(BigInt(nanoseconds) / 1000n) / 1e6;
  return readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .flatMap((line) => JSON.parse(line).resourceSpans as OtlpResource[])
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    .map(({ name, startTimeUnixNano, endTimeUnixNano }) => ({
      name,
      start: seconds(startTimeUnixNano),
      end: seconds(endTimeUnixNano),
    }));
}

interface OtlpResource {
  readonly scopeSpans: readonly {
    readonly spans: readonly {
      readonly name: string;
      readonly startTimeUnixNano: string;
      readonly endTimeUnixNano: string;
    }[];
  }[];
}
