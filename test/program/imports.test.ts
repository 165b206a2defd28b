/** Which folder may import which, as docs/architecture.md says. Type-only imports don't count: they don't exist at run time. */
import { cruise, type ICruiseResult } from "dependency-cruiser";
import { expect, test } from "vitest";

const program = ["config", "plan", "sizing", "components", "packages"];
const folders = (...names: string[]) => `^(${names.join("|")})/`;
/** Names, rules and defaults that do not depend on configuration. */
const naming = "^plan/(addresses|authentication|benchmark|candidate|names|vllm-arguments)\\.ts$";
const tests = "\\.test\\.ts$|^test/";

/** A folder may import only these. */
const only = (name: string, ...allowed: string[]) => ({
  name: `${name} imports more than it may`,
  severity: "error" as const,
  from: { path: folders(name), pathNot: tests },
  to: { path: folders(...program, "scripts", "local", "tasks"), pathNot: [folders(name), ...allowed] },
});

const forbidden = [
  {
    name: "files import each other in a cycle",
    severity: "error" as const,
    from: {},
    to: { circular: true },
  },
  only("sizing", naming),
  only("config", folders("sizing", "tasks"), naming, "^components/shared/given\\.ts$"),
  only("plan", folders("config", "sizing", "components", "packages", "tasks")),
  only("components", folders("plan", "sizing", "packages", "tasks")),
  only("packages"),
  only("local"),
];

test("every folder imports only what it may, without cycles", async () => {
  const { output } = await cruise([...program, "scripts", "local", "index.ts", "config.ts"], {
    ruleSet: { forbidden },
    validate: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: tests },
    tsPreCompilationDeps: false,
  });
  const { summary, modules } = output as ICruiseResult;
  expect(modules.length).toBeGreaterThan(100);
  expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
});
