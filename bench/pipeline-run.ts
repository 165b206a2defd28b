/**
 * What waiting for a PipelineRun costs, on the embedded platform (state folder .local-test, as for the cluster tests).
 *
 *   node bench/pipeline-run.ts latency 20   time from Tekton's completion time until it is seen, over 20 runs
 *   node bench/pipeline-run.ts requests 600 API requests for one run of 600 s, compared with kubectl wait on the same run
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster } from "@modelcar/kubernetes/client";
import { watchRun } from "@modelcar/tekton-run/runs";
import { goProgram } from "../local/toolchain/go.ts";
import { HttpProxy } from "../test/cluster/fault-proxy.ts";
import { administrator, Bench, isRunning, watched } from "../test/cluster/fault-rows.ts";

const result = "printf hello > $(results.word.path)";

/** Completion times are truncated to whole seconds, so each figure may be up to a second too high. */
async function latency(bench: Bench, count: number): Promise<void> {
  const seen: number[] = [];
  const done: number[] = [];
  for (let i = 0; i < count; i++) {
    const seconds = (1 + Math.random()).toFixed(2);
    await bench.pipeline("latency", [
      { name: "greet", script: `sleep ${seconds}; ${result}`, results: ["word"] },
    ]);
    const { outputs } = watched(bench.inputs("latency", { trigger: String(i), history: "remove" }));
    const { metadata } = await bench.until("latency", (run) => run.status?.completionTime === undefined);
    const { namespace } = bench;
    const options = { namespace, name: metadata.name, deadlineSeconds: 120, print: () => {} };
    const seenAt = watchRun(administrator(), options).then(() => Date.now());
    const completed = Date.parse((await outputs).completionTime);
    done.push(Date.now() - completed);
    seen.push((await seenAt) - completed);
  }
  report("completion seen after Tekton's time, ms", seen);
  report("resource done after Tekton's time, ms", done);
}

function report(what: string, values: number[]): void {
  const sorted = values.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  console.log(
    `${what}: n ${sorted.length}, least ${sorted[0]}, median ${at(0.5)}, p95 ${at(0.95)}, most ${sorted.at(-1)}`,
  );
}

async function requests(bench: Bench, seconds: number): Promise<void> {
  const [ours, theirs] = [await HttpProxy.start(), await HttpProxy.start()];
  const directory = mkdtempSync(join(tmpdir(), "modelcar-bench-"));
  try {
    const script = `i=0; while [ $i -lt ${seconds} ]; do echo "progress: $i of ${seconds} s"; sleep 5; i=$((i+5)); done; ${result}`;
    await bench.pipeline("requests", [{ name: "greet", script, results: ["word"] }]);
    const spec = { pipelineRef: { name: "requests" }, timeouts: { pipeline: "1h0m0s" } };
    const { lines, outputs } = watched(bench.inputs("requests", { spec }), new Cluster(ours.config));
    const { metadata } = await bench.until("requests", isRunning);
    const file = join(directory, "kubeconfig");
    writeFileSync(file, theirs.config.exportConfig(), { mode: 0o600 });
    const target = ["-n", bench.namespace, `pipelinerun/${metadata.name}`];
    const args = ["wait", "--for=condition=Succeeded", `--timeout=${seconds + 300}s`, ...target];
    const kubectl = spawn(goProgram("kubernetes", "kubectl"), [`--kubeconfig=${file}`, ...args]);
    const waited = new Promise((resolve) => kubectl.on("close", resolve));
    const { durationSeconds } = await outputs;
    console.log(`kubectl wait ended with ${await waited} after a run of ${durationSeconds} s`);
    for (const [who, proxy] of Object.entries({ ours, "kubectl wait": theirs })) {
      const kinds = new Map<string, number>();
      for (const line of proxy.requests) {
        const kind = line
          .replace(/\?.*watch=true.*/, " (watch)")
          .replace(/\?.*/, "")
          .replace(/requests-[^/ ]+/g, "…");
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      }
      console.log(`${who}: ${proxy.requests.length} requests`);
      for (const [kind, count] of kinds) console.log(`  ${count} ${kind}`);
    }
    console.log(`ratio ${(ours.requests.length / theirs.requests.length).toFixed(2)}`);
    console.log(lines.join("\n"));
  } finally {
    rmSync(directory, { recursive: true });
    await Promise.all([ours.stop(), theirs.stop()]);
  }
}

const [what, number] = process.argv.slice(2);
const bench = await Bench.start();
try {
  if (what === "latency") await latency(bench, Number(number ?? 20));
  else if (what === "requests") await requests(bench, Number(number ?? 600));
  else throw new Error("usage: latency [runs] or requests [seconds]");
} finally {
  await bench.stop();
}
