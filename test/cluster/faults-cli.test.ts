/** What happens to a PipelineRun when the CLI is killed or interrupted, and what state and preview show. Real CLI, real Tekton. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { FaultProject, seen } from "./fault-cli.ts";
import { HttpProxy } from "./fault-proxy.ts";
import { Bench, greeting, hasEnded, isRunning, row, slow } from "./fault-rows.ts";
import { kubectl } from "./platform.ts";

let bench: Bench;
const projects: FaultProject[] = [];
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(async () => {
  for (const project of projects) project.remove();
  await bench?.stop();
});

async function projectOf(...of: Parameters<typeof FaultProject.create>): Promise<FaultProject> {
  const project = await FaultProject.create(...of);
  projects.push(project);
  return project;
}

async function succeeds(result: ReturnType<FaultProject["up"]>): Promise<string> {
  const { code, output } = await result;
  expect(code, output).toBe(0);
  return output;
}

describe.concurrent("kill -9 of the CLI", () => {
  it("before the run is created: the next up creates it", async () => {
    await bench.pipeline("kill-before", greeting);
    const proxy = await HttpProxy.start();
    const project = await projectOf(proxy.config);
    project.declare(bench.inputs("kill-before", { context: proxy.config.currentContext }));
    proxy.fault = (line) => (line.startsWith("POST") ? "hang" : undefined);
    const killed = project.start("up", ["--yes", "--skip-preview"]);
    await vi.waitUntil(() => proxy.requests.some((line) => line.startsWith("POST")), { timeout: 300_000 });
    killed.kill();
    await killed.ended;
    proxy.fault = () => undefined;
    await project.unlock();
    const output = await succeeds(project.up());
    expect((await project.outputs()).results).toEqual({ word: "hello" });
    expect(await bench.runs("kill-before")).toHaveLength(1);
    row("CLI killed before the run is created", seen(output), 1);
    await proxy.stop();
  });

  it("while it runs: the next up waits for the same run", async () => {
    // Longer than the CLI needs on a busy machine to unlock the stack and start again.
    await bench.pipeline("kill-during", slow(60));
    const project = await projectOf();
    project.declare(bench.inputs("kill-during"));
    const killed = project.start("up", ["--yes", "--skip-preview"]);
    await bench.until("kill-during", isRunning);
    killed.kill();
    await killed.ended;
    await project.unlock();
    const output = await succeeds(project.up());
    expect(output).toMatch(/already running, waiting for it/);
    expect((await project.outputs()).results).toEqual({ word: "hello" });
    expect(await bench.runs("kill-during")).toHaveLength(1);
    row("CLI killed while the run is under way", seen(output), 1);
  });

  it("at its end: the next up takes the results", async () => {
    await bench.pipeline("kill-end", slow(3));
    const proxy = await HttpProxy.start();
    const project = await projectOf(proxy.config);
    project.declare(bench.inputs("kill-end", { context: proxy.config.currentContext }));
    proxy.fault = (line) => (line.includes("watch=true") ? "hang" : undefined);
    const killed = project.start("up", ["--yes", "--skip-preview"]);
    await bench.until("kill-end", hasEnded);
    killed.kill();
    await killed.ended;
    proxy.fault = () => undefined;
    await project.unlock();
    const output = await succeeds(project.up());
    expect(output).toMatch(/has already succeeded, using its results/);
    expect((await project.outputs()).results).toEqual({ word: "hello" });
    expect(await bench.runs("kill-end")).toHaveLength(1);
    row("CLI killed at the end of the run", seen(output), 1);
    await proxy.stop();
  });
});

describe.concurrent("Ctrl-C", () => {
  it("lets the run go on; a refresh then finds its results", async () => {
    await bench.pipeline("interrupt", slow(25));
    const project = await projectOf();
    project.declare(bench.inputs("interrupt"));
    const interrupted = project.start("up", ["--yes", "--skip-preview"]);
    await bench.until("interrupt", isRunning);
    const before = performance.now();
    interrupted.interrupt();
    const { code, output } = await interrupted.ended;
    expect(performance.now() - before).toBeLessThan(15_000);
    expect(code).not.toBe(0);
    expect(output).toMatch(/interrupted; the run continues, and the next `pulumi up` resumes it/);
    await bench.until("interrupt", hasEnded);
    await succeeds(project.run("refresh", "--yes", "--skip-preview"));
    await succeeds(project.run("preview", "--expect-no-changes"));
    expect(await succeeds(project.up())).toMatch(/2 unchanged/);
    expect((await project.outputs()).results).toEqual({ word: "hello" });
    expect(await bench.runs("interrupt")).toHaveLength(1);
    row("Ctrl-C, onInterrupt: continue", seen(output), 1);
  });

  it("cancels the run where the inputs say so, and the next up makes another attempt", async () => {
    await bench.pipeline("interrupt-cancel", slow(60), { name: "clean", script: "echo cleaned" });
    const project = await projectOf();
    const inputs = bench.inputs("interrupt-cancel", { onInterrupt: "cancel" });
    project.declare(inputs);
    const interrupted = project.start("up", ["--yes", "--skip-preview"]);
    await bench.until("interrupt-cancel", isRunning);
    interrupted.interrupt();
    const { output } = await interrupted.ended;
    expect(output).toMatch(/interrupted; the run is cancelled, and the next `pulumi up` makes a new attempt/);
    const run = await bench.until("interrupt-cancel", hasEnded);
    expect(run.status.conditions[0].reason).toBe("Cancelled");
    await bench.pipeline("interrupt-cancel", greeting);
    const again = await succeeds(project.up());
    expect((await project.outputs()).name).toMatch(/-2$/);
    row("Ctrl-C, onInterrupt: cancel", [...seen(output), "--- the next up", ...seen(again)], 2);
    expect(await bench.runs("interrupt-cancel")).toHaveLength(2);
    await succeeds(project.run("destroy", "--yes", "--skip-preview"));
    expect(await bench.runs("interrupt-cancel")).toEqual([]);
  });
});

describe.concurrent("state and preview", () => {
  it("a pruned run and reformatted or extended code are no change, and state contains only the shim", async () => {
    await bench.pipeline("steady", greeting);
    const project = await projectOf();
    project.declare(bench.inputs("steady"));
    await succeeds(project.up());
    const { name } = await project.outputs();
    await kubectl("delete", "pipelinerun", name, "-n", bench.namespace);
    const unchanged = await succeeds(project.run("preview", "--refresh", "--diff", "--expect-no-changes"));
    expect(unchanged).not.toMatch(/a new run/);

    const file = join(project.directory, "packages/tekton-run/src/provider.ts");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("\n", "\n\n").replaceAll("  ", "\t"));
    appendFileSync(file, "\nexport const added = () => 'more';\n");
    await succeeds(project.run("preview", "--refresh", "--diff", "--expect-no-changes"));
    await succeeds(project.up("--refresh"));
    expect(await bench.runs("steady")).toEqual([]);

    const state = (await project.run("stack", "export")).stdout;
    const { deployment } = JSON.parse(state) as {
      deployment: { resources: { type: string; outputs: Record<string, string> }[] };
    };
    const provider = deployment.resources.find(({ type }) => type.endsWith("PipelineRun"))?.outputs
      .__provider;
    expect(provider).toContain('require("@modelcar/tekton-run/provider")');
    for (const code of ["watchRun", "CancelledRunFinally", "loadKubeconfig", "added"]) {
      expect(state).not.toContain(code);
    }
    row("deleted by a pruner after its end; code changed", seen(unchanged), 0);
  });

  it("preview names the input that causes another run; inputs that do not change the result cause none", async () => {
    await bench.pipeline("reason", greeting);
    const project = await projectOf();
    const inputs = bench.inputs("reason");
    const withParams = (...params: { name: string; value: string }[]) => ({
      ...inputs,
      spec: { ...inputs.spec, params },
    });
    const [one, other] = [
      { name: "REVISION", value: "1" },
      { name: "MODEL", value: "sums" },
    ];
    project.declare(withParams(one, other));
    await succeeds(project.up());

    project.declare(withParams(other, { ...one, value: "2" }));
    const preview = await succeeds(project.run("preview", "--diff"));
    expect(preview).toMatch(/reason: a new run, because of params\.REVISION \("1" → "2"\)\n/);
    row("preview of a changed param", seen(preview), 1);

    project.declare({
      ...withParams(one, other),
      retries: 2,
      spec: { ...withParams(other, one).spec, timeouts: { pipeline: "9m0s" } },
    });
    await succeeds(project.run("preview", "--expect-no-changes"));
    project.declare({ ...withParams(one, other), history: "keep" });
    expect(await succeeds(project.up())).toMatch(/1 updated/);
    expect(await bench.runs("reason")).toHaveLength(1);
    await succeeds(project.run("destroy", "--yes", "--skip-preview"));
    expect(await bench.runs("reason")).toHaveLength(1);
  });

  it("a clock that is a day ahead changes nothing", async () => {
    await bench.pipeline("skew", greeting);
    const project = await projectOf();
    project.declare(bench.inputs("skew"));
    const skew = join(project.directory, "skew.cjs");
    writeFileSync(
      skew,
      `const real = Date, day = 24 * 3600 * 1000;
      globalThis.Date = class extends real {
        constructor(...of) { super(...(of.length === 0 ? [real.now() + day] : of)); }
        static now() { return real.now() + day; }
      };`,
    );
    const up = project.start("up", ["--yes", "--skip-preview"], { NODE_OPTIONS: `--require=${skew}` });
    const output = await succeeds(up.ended);
    const { results, completionTime } = await project.outputs();
    expect(results).toEqual({ word: "hello" });
    expect(Math.abs(Date.parse(completionTime) - Date.now())).toBeLessThan(120_000);
    expect(output).toMatch(/greet: Succeeded after \d/);
    expect(await bench.runs("skew")).toHaveLength(1);
    row("clock a day ahead", seen(output), 1);
  });

  it("a mistake in the inputs is found in the preview", async () => {
    const project = await projectOf();
    project.declare(bench.inputs("wrong", { queue: { name: "l4", gpus: 8, capacity: 4 } }));
    const { code, output } = await project.run("preview");
    expect(code).not.toBe(0);
    expect(output).toMatch(/4 is less than the 8 GPUs of the run/);
  });
});
