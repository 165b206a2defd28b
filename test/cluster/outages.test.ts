/** What happens to a run when a part of the platform fails meanwhile. Nothing else may use the platform at the same time. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bench, greeting, isRunning, row, slow, watched } from "./fault-rows.ts";
import { crash, kubectl } from "./platform.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(async () => {
  await bench?.stop();
});

/** Stops a part of Tekton. Restores it after some time, and at the latest when the returned function is called. */
async function takeAway(deployment: string, milliseconds: number): Promise<() => Promise<void>> {
  const tekton = ["-n", "tekton-pipelines"];
  const scale = (replicas: number) =>
    kubectl("scale", `deployment/${deployment}`, ...tekton, `--replicas=${replicas}`);
  await scale(0);
  await kubectl("delete", "pod", "-l", `app=${deployment}`, ...tekton, "--grace-period=1");
  const back = setTimeout(() => void scale(1), milliseconds);
  return async () => {
    clearTimeout(back);
    await scale(1);
    await kubectl("rollout", "status", `deployment/${deployment}`, ...tekton, "--timeout=600s");
  };
}

describe("a run under way", () => {
  it("is watched through a crash of the API server", async () => {
    await bench.pipeline("restart", slow(20));
    const { outputs, lines } = watched(bench.inputs("restart"));
    await bench.until("restart", isRunning);
    crash("apiServer");
    expect((await outputs).results).toEqual({ word: "hello" });
    expect(lines.join("\n")).toMatch(/no contact with the cluster.*in contact again/s);
    expect(await bench.runs("restart")).toHaveLength(1);
    row("API server killed and restarted while watched", lines, 1);
  });

  it("waits for Tekton's controller to come back", async () => {
    await bench.pipeline("controller", greeting);
    const back = await takeAway("tekton-pipelines-controller", 61_000);
    const { outputs, lines } = watched(bench.inputs("controller"));
    expect((await outputs.finally(back)).results).toEqual({ word: "hello" });
    expect(lines.join("\n")).toMatch(/waiting for Tekton to start a task/);
    expect(await bench.runs("controller")).toHaveLength(1);
    row("Tekton's controller down for a minute", lines, 1);
  });

  it("is started once Tekton's webhook answers", async () => {
    await bench.pipeline("webhook", greeting);
    const back = await takeAway("tekton-pipelines-webhook", 10_000);
    const { outputs, lines } = watched(bench.inputs("webhook"));
    expect((await outputs.finally(back)).results).toEqual({ word: "hello" });
    expect(lines.join("\n")).toMatch(/failed, retrying for up to 180 s: .*failed calling webhook/);
    expect(await bench.runs("webhook")).toHaveLength(1);
    row("Tekton's webhook down", lines, 1);
  });
});
