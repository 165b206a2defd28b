/** What happens to a PipelineRun when things go wrong, on a real cluster with real Tekton. */

import { Cluster } from "@modelcar/kubernetes/client";
import { removeRuns } from "@modelcar/tekton-run/runs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HttpProxy, TcpProxy } from "./fault-proxy.ts";
import { apply, Bench, greeting, hasEnded, isRunning, row, siteIn, slow, watched } from "./fault-rows.ts";
import { kubectl } from "./platform.ts";

/** Long enough for a run on a busy machine to reach the point where it gets stuck. */
const within = (timeout: string) => ({ timeouts: { pipeline: timeout } });

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(async () => {
  await bench?.stop();
});

describe.concurrent("a run", () => {
  it("that succeeds gives its results, its times and the command that shows its log", async () => {
    await bench.pipeline("well", [{ name: "first", script: "echo one" }, ...greeting]);
    const { lines, outputs } = watched(bench.inputs("well"));
    const { results, durationSeconds, taskSeconds, logs, uid } = await outputs;
    const [run] = await bench.runs("well");
    expect(results).toEqual({ word: "hello" });
    expect(uid).toBe(run.metadata.uid);
    expect(durationSeconds).toBeGreaterThan(0);
    expect(Object.keys(taskSeconds).sort()).toEqual(["first", "greet"]);
    expect(lines.join("\n")).toMatch(/ s: first: Succeeded after \d+ s; left: greet/);
    const [, ...words] = logs.split(" ");
    expect(await kubectl(...words)).toMatch(/one/);
    row("none: all goes well", [...lines, logs], 1);
  });

  it("that is deleted while it runs fails at once, and the next up starts another", async () => {
    await bench.pipeline("deleted", slow(60));
    const { error, lines } = watched(bench.inputs("deleted"));
    const run = await bench.until("deleted", isRunning);
    await kubectl("delete", "pipelinerun", run.metadata.name, "-n", bench.namespace);
    expect(await error).toMatch(/deleted while it ran, by a person or a pruner/);
    await bench.pipeline("deleted", greeting);
    expect((await watched(bench.inputs("deleted")).outputs).results).toEqual({ word: "hello" });
    row("deleted while it runs", [...lines, await error], 2);
  });

  it("that a pruner deletes as soon as it has ended, while contact is lost, has succeeded", async () => {
    await bench.pipeline("pruned", slow(8));
    const proxy = await TcpProxy.start();
    const { outputs, lines } = watched(bench.inputs("pruned"), new Cluster(proxy.config));
    await bench.until("pruned", isRunning);
    proxy.cut();
    const run = await bench.until("pruned", hasEnded);
    await kubectl("delete", "pipelinerun", run.metadata.name, "-n", bench.namespace);
    proxy.restore();
    expect((await outputs).results).toEqual({ word: "hello" });
    expect(await bench.runs("pruned")).toEqual([]);
    expect(lines.join("\n")).toMatch(/no contact with the cluster/);
    row("deleted by a pruner at its end, while contact was lost", lines, 1);
    await proxy.stop();
  });

  it("that a person cancels is a failure, and the next attempt is another run", async () => {
    await bench.pipeline("cancelled", slow(60));
    const { error, lines } = watched(bench.inputs("cancelled", { retries: 2 }));
    const run = await bench.until("cancelled", isRunning);
    await bench.patchRun(run.metadata.name, { spec: { status: "Cancelled" } });
    expect(await error).toMatch(/: Cancelled: PipelineRun ".*" was cancelled/);
    expect(await bench.runs("cancelled")).toHaveLength(1);
    row("cancelled by hand", [...lines, await error], 1);
    await bench.pipeline("cancelled", greeting);
    expect((await watched(bench.inputs("cancelled")).outputs).name).toMatch(/-2$/);
    expect(await bench.runs("cancelled")).toHaveLength(2);
  });

  it("that runs out of memory says so, with the step and its log", async () => {
    const script = "echo taking memory; x=0123456789; while :; do x=$x$x; done";
    await bench.pipeline("memory", [{ name: "take", script, memory: "40Mi" }]);
    const { error, lines } = watched(bench.inputs("memory"));
    expect(await error).toMatch(
      /task take, step work: out of memory \(OOMKilled\), exit code \d+; give the step a higher memory limit/,
    );
    expect(await error).toMatch(/ {4}taking memory/);
    expect(await bench.runs("memory")).toHaveLength(1);
    row("out of memory", [...lines, await error], 1);
  });

  it("whose image is missing names the image", async () => {
    const image = `modelcar.local/none@sha256:${"0".repeat(64)}`;
    await bench.pipeline("image", [{ name: "pull", image }]);
    const { error, lines } = watched(bench.inputs("image"));
    expect(await error).toMatch(
      /task pull: TaskRunImagePullFailed: .*failed to pull.*modelcar\.local\/none@sha256:0+/,
    );
    expect(await bench.runs("image")).toHaveLength(1);
    row("task image missing", [...lines, await error], 1);
  });

  it("that exceeds the quota says what it requests and what the quota permits", async () => {
    const tight = await Bench.start();
    const hard = { "limits.memory": "48Mi" };
    const metadata = { name: "tight", namespace: tight.namespace };
    await apply({ apiVersion: "v1", kind: "ResourceQuota", metadata, spec: { hard } });
    // Tekton's own containers have no limits; a LimitRange like the project's sets some.
    const small = { memory: "16Mi", cpu: "50m" };
    const limits = [{ type: "Container", default: small, defaultRequest: small }];
    await apply({ apiVersion: "v1", kind: "LimitRange", metadata, spec: { limits } });
    await tight.pipeline("quota", greeting);
    const inputs = tight.inputs("quota");
    const { error, lines } = watched({ ...inputs, spec: { ...inputs.spec, ...within("45s") } });
    const quota = /waiting for quota: tight, requested: limits\.memory=.*limited: limits\.memory=48Mi/;
    expect(await error).toMatch(quota);
    expect(lines.join("\n")).toMatch(quota);
    expect(await tight.runs("quota")).toHaveLength(1);
    row("quota exceeded", [...lines, await error], 1);
    await tight.stop();
  });

  it("that fits on no node says what is missing", async () => {
    await bench.pipeline("unschedulable", greeting);
    const inputs = bench.inputs("unschedulable");
    const taskRunTemplate = { podTemplate: { nodeSelector: { gpu: "none-has-it" } } };
    const { error, lines } = watched({
      ...inputs,
      spec: { ...inputs.spec, taskRunTemplate, ...within("45s") },
    });
    expect(await error).toMatch(
      /PipelineRunTimeout.*\n(.*\n)*.*waiting for a node: 0\/\d+ nodes are available/,
    );
    row("unschedulable", [...lines, await error], 1);
  });

  it("whose result is too large says so", async () => {
    const script = "busybox head -c 5000 /dev/zero | busybox tr '\\0' x > $(results.word.path)";
    await bench.pipeline("large", [{ name: "write", script, results: ["word"] }]);
    const { error, lines } = watched(bench.inputs("large"));
    expect(await error).toMatch(
      /task write, step work: exit code 1 .*Termination message is above max allowed size 4096, caused by large task result/s,
    );
    expect(await bench.runs("large")).toHaveLength(1);
    row("a result over the size limit", [...lines, await error], 1);
  });

  it("with a task that `when` skips succeeds, unless an expected result is missing", async () => {
    await bench.pipeline("skipped", [
      { name: "first", script: "true" },
      { ...greeting[0], name: "greet", when: false },
    ]);
    const missing = watched(bench.inputs("skipped", { expectedResults: ["word"] }));
    expect(await missing.error).toMatch(
      /succeeded without the expected results word; skipped tasks: greet \(When Expressions evaluated to false\)/,
    );
    // The same inputs and the same run: only the expected results differ.
    const { results } = await watched(bench.inputs("skipped")).outputs;
    expect(results).toEqual({});
    expect(await bench.runs("skipped")).toHaveLength(1);
    row("a task skipped by when", [...missing.lines, await missing.error], 1);
  });

  it("of a pipeline that names a missing task says which, and is not tried again", async () => {
    await bench.pipeline("missing", [{ name: "first", taskRef: "not-there" }]);
    const { error, lines } = watched(bench.inputs("missing", { retries: 3 }));
    expect(await error).toMatch(/CouldntGetTask: .*not-there/);
    expect(await bench.runs("missing")).toHaveLength(1);
    row("a pipeline that names a missing task", [...lines, await error], 1);
  });

  it("whose creation response got lost is found again, not started twice", async () => {
    await bench.pipeline("lost", greeting);
    const proxy = await HttpProxy.start();
    let posts = 0;
    proxy.fault = (line) => (line.startsWith("POST") && posts++ === 0 ? "lose answer" : undefined);
    const { outputs, lines } = watched(bench.inputs("lost"), new Cluster(proxy.config));
    await outputs;
    expect(posts).toBe(2);
    expect(await bench.runs("lost")).toHaveLength(1);
    row("500 instead of the answer to the creation, then 409", lines, 1);
    await proxy.stop();
  });

  it("is waited for through 429, 500 and 503 at any request", async () => {
    await bench.pipeline("busy", slow(5));
    const proxy = await HttpProxy.start();
    const faults = [429, 500, 503];
    const seen = new Map<string, number>();
    proxy.fault = (line) => {
      const kind = line.replace(/\?.*(watch=true).*|\?.*/, " $1");
      const count = seen.get(kind) ?? 0;
      seen.set(kind, count + 1);
      const status = faults[count];
      return status === undefined ? undefined : { status, ...(status === 429 ? { retryAfter: 1 } : {}) };
    };
    const { outputs, lines } = watched(bench.inputs("busy"), new Cluster(proxy.config));
    expect((await outputs).results).toEqual({ word: "hello" });
    expect(await bench.runs("busy")).toHaveLength(1);
    expect(seen.size).toBeGreaterThan(4);
    row("429, 500 and 503, three at each kind of request", lines, 1);
    await proxy.stop();
  });

  it("is followed again when the watch is silent: no bytes, no close", async () => {
    await bench.pipeline("silent", slow(20));
    const proxy = await TcpProxy.start();
    const { outputs, lines } = watched(bench.inputs("silent"), new Cluster(proxy.config));
    // By then the watch has been answered; one without an answer times out earlier.
    await expect.poll(() => lines.join("\n"), { timeout: 60_000 }).toMatch(/greet: Running/);
    proxy.freeze();
    expect((await outputs).results).toEqual({ word: "hello" });
    expect(lines.join("\n")).toMatch(/no byte on the watch for 90 s/);
    expect(await bench.runs("silent")).toHaveLength(1);
    row("watch cut and silent", lines, 1);
    await proxy.stop();
  });

  it("that needs all GPUs takes its turn", async () => {
    await bench.pipeline("queue-a", slow(6));
    await bench.pipeline("queue-b", slow(6));
    const queue = { name: "l4", gpus: 4, capacity: 4 };
    const both = [watched(bench.inputs("queue-a", { queue })), watched(bench.inputs("queue-b", { queue }))];
    const [a, b] = (await Promise.all(both.map(({ outputs }) => outputs))).sort((one, other) =>
      one.startTime.localeCompare(other.startTime),
    );
    expect(Date.parse(b?.startTime ?? "")).toBeGreaterThanOrEqual(Date.parse(a?.completionTime ?? ""));
    const lines = both.flatMap((one) => one.lines);
    expect(lines.join("\n")).toMatch(/waiting for 4 of 4 GPUs of queue l4, behind queue-/);
    row("two runs that need 4 of 4 GPUs", lines, 2);
  });

  it("that is removed while it runs is cancelled, and its finally tasks have run", async () => {
    const cleanup = { name: "clean", script: "echo cleaned" };
    await bench.pipeline("removed", slow(120), cleanup);
    const inputs = bench.inputs("removed", { history: "keep" });
    const { error } = watched(inputs);
    await bench.until("removed", isRunning);
    const lines: string[] = [];
    await removeRuns(
      siteIn(bench.namespace, (line) => lines.push(line)),
      inputs,
    );
    const [run] = await bench.runs("removed");
    expect(run.status.conditions[0].reason).toBe("Cancelled");
    const names = run.status.childReferences.map(
      (child: { pipelineTaskName: string }) => child.pipelineTaskName,
    );
    expect(names).toContain("clean");
    await error;
    await removeRuns(siteIn(bench.namespace), { ...inputs, history: "remove" });
    expect(await bench.runs("removed")).toEqual([]);
    row("removed while it runs", lines, 1);
  });
});
