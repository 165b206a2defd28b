/**
 * Stacks that exist go on: every resource of an earlier layout of the program is found again by its URN, or by an alias of it.
 * A file in former-layouts has the URNs that the stack of every-kind.ts had in that layout. After a change that moves
 * resources, write another one before it: MODELCAR_WRITE_LAYOUT=<name> npx vitest run --project program former-layouts
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { everyKind } from "./every-kind.ts";
import { runProgram } from "./record.ts";
import type { Registration } from "./registrations.ts";

vi.mock("../../components/pipeline-run/index.ts", async () =>
  (await import("./plain-dynamic.ts")).pipelineRun(),
);
vi.mock("../../components/readiness/index.ts", async () => (await import("./plain-dynamic.ts")).readiness());

const directory = join(import.meta.dirname, "former-layouts");
let registrations: readonly Registration[];
beforeAll(async () => {
  ({ registrations } = await runProgram("local", everyKind));
  const name = process.env.MODELCAR_WRITE_LAYOUT;
  if (name) {
    const urns = registrations.map(({ urn }) => urn).sort();
    writeFileSync(join(directory, `${name}.json`), `${JSON.stringify(urns, undefined, 2)}\n`);
  }
});

/** Qualified type and name of a URN: `parent$type::name`. */
const split = (urn: string) => {
  const [start, project, type = "", name = ""] = urn.split("::");
  return { prefix: `${start}::${project}`, type, name };
};

/** All URNs that the engine looks for in state: of its own aliases, and of those of the components around it. */
function known({ urn, aliases, parent }: Registration): string[] {
  const around = registrations.find((each) => each.urn === parent);
  const own = [urn, ...aliases];
  if (!around) return own;
  const parentType = split(around.urn).type;
  return own.flatMap((one) => {
    const { prefix, type, name } = split(one);
    if (!type.startsWith(`${parentType}$`)) return [one];
    const rest = type.slice(parentType.length + 1);
    const was = known(around).map((other) => split(other).type);
    return was.map((of) => `${prefix}::${of}$${rest}::${name}`);
  });
}

describe.each(readdirSync(directory))("the layout %s", (file) => {
  it("has no resource that is not found again", () => {
    const found = new Set(registrations.flatMap(known));
    const urns: string[] = JSON.parse(readFileSync(join(directory, file), "utf8"));
    expect(urns.length).toBeGreaterThan(150);
    // A component that is none any more leaves nothing behind but its own line in state.
    const lost = urns.filter((urn) => !found.has(urn));
    expect(lost).toEqual([]);
  });
});
