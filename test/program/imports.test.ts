/** Which folders may import which, as docs/architecture.md says. Imports of types count too. */
import { cruise, type ICruiseResult } from "dependency-cruiser";
import { expect, test } from "vitest";

/** Each folder may import those before it. */
const layers = ["rules", "sizing", "config", "pipelines", "plan", "components"];
const others = ["packages", "scripts", "local", "tasks"];
const folders = (...names: string[]) => `^(${names.join("|")})/`;
const tests = "\\.test\\.ts$|^test/";
/** Data that Python and TypeScript share. */
const sharedData = "^tasks/common/[a-z_]+\\.json$";

const only = (folder: string, ...allowed: string[]) => ({
  name: `${folder}/ may not import this`,
  severity: "error" as const,
  from: { path: folders(folder) },
  to: {
    path: folders(...layers, ...others),
    pathNot: [folders(folder), sharedData, ...allowed.map((name) => folders(name))],
  },
});

const forbidden = [
  { name: "import in a circle", severity: "error" as const, from: {}, to: { circular: true } },
  ...layers.map((layer, index) =>
    only(layer, ...layers.slice(0, index), ...(layer === "components" ? ["packages"] : [])),
  ),
  only("packages"),
  only("local"),
];

test("a folder imports only what is below it, and no file imports itself", async () => {
  const { output } = await cruise([...layers, "packages", "scripts", "local", "index.ts"], {
    ruleSet: { forbidden },
    validate: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: tests },
    tsPreCompilationDeps: true,
  });
  const { summary, modules } = output as ICruiseResult;
  expect(modules.length).toBeGreaterThan(100);
  expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
});
