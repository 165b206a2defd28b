/** Shared by the fault tests: a namespace with tiny pipelines, their runs, and the output that users see. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync } from "node:fs";
import { KubeConfig } from "@kubernetes/client-node";
import { Cluster } from "@modelcar/kubernetes/client";
import {
  defaults,
  type RunInputs,
  type RunOutputs,
  runToSuccess,
  type Site,
} from "@modelcar/tekton-run/runs";
import { goProgram } from "../../local/toolchain/go.ts";
import { kubeconfig, kubectl, list } from "./platform.ts";

/** A pipeline task with one step, which runs `script` in busybox's shell. */
export interface TinyTask {
  readonly name: string;
  readonly script?: string;
  readonly image?: string;
  readonly memory?: string;
  readonly results?: readonly string[];
  readonly when?: boolean;
  /** A Task, existing or not, to use instead of a script. */
  readonly taskRef?: string;
}

/** The tasks of pipelines with the result `word`, given at once or after some seconds. */
export const greeting = [{ name: "greet", script: "printf hello > $(results.word.path)", results: ["word"] }];
export const slow = (seconds: number) => [
  { name: "greet", script: `sleep ${seconds}; printf hello > $(results.word.path)`, results: ["word"] },
];

export function administrator(): Cluster {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return new Cluster(config);
}

export async function apply(manifest: object): Promise<void> {
  const child = spawn(goProgram("kubernetes", "kubectl"), [`--kubeconfig=${kubeconfig}`, "apply", "-f", "-"]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  child.stdin.end(JSON.stringify(manifest));
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(output);
}

/** The node's smallest image with a shell: the pause image, which contains busybox. */
async function shellImage(): Promise<string> {
  const images: { names?: string[] }[] = (await list("nodes")).flatMap(({ status }) => status.images ?? []);
  const name = images.flatMap(({ names = [] }) => names).find((name) => /\/pause@sha256:/.test(name));
  if (!name) throw new Error("no node has the image pause");
  return name;
}

function pipelineTask(task: TinyTask, shellImage: string) {
  const { name, script = "", image = shellImage, memory = "64Mi", results = [], when, taskRef } = task;
  const limits = { cpu: "200m", memory };
  return {
    name,
    ...(when === undefined ? {} : { when: [{ input: String(when), operator: "in", values: ["true"] }] }),
    ...(taskRef
      ? { taskRef: { name: taskRef } }
      : {
          taskSpec: {
            results: results.map((result) => ({ name: result })),
            steps: [
              {
                name: "work",
                image,
                // Not `script`: Tekton's init container for scripts would run as root here.
                command: ["/bin/sh", "-ec", script],
                computeResources: { requests: { cpu: "0", memory: "1Mi" }, limits },
              },
            ],
          },
        }),
  };
}

/** A namespace for one file of tests. */
export class Bench {
  readonly namespace = `faults-${randomBytes(3).toString("hex")}`;

  static async start(): Promise<Bench> {
    const bench = new Bench();
    await kubectl("create", "namespace", bench.namespace);
    return bench;
  }

  async stop(): Promise<void> {
    await kubectl("delete", "namespace", this.namespace, "--wait=false");
  }

  /** Creates a pipeline whose tasks run one after another; the results of the last task are the pipeline's. */
  async pipeline(name: string, tasks: readonly TinyTask[], cleanup?: TinyTask): Promise<void> {
    const last = tasks.at(-1);
    const image = await shellImage();
    await apply({
      apiVersion: "tekton.dev/v1",
      kind: "Pipeline",
      metadata: { name, namespace: this.namespace },
      spec: {
        tasks: tasks.map((task, i) => ({
          ...pipelineTask(task, image),
          ...(i > 0 ? { runAfter: [tasks[i - 1]?.name] } : {}),
        })),
        ...(cleanup ? { finally: [pipelineTask(cleanup, image)] } : {}),
        results: (last?.results ?? []).map((result) => ({
          name: result,
          value: `$(tasks.${last?.name}.results.${result})`,
        })),
      },
    });
  }

  inputs(pipeline: string, more: Partial<RunInputs> = {}): RunInputs {
    return {
      context: "modelcar-local",
      namespace: this.namespace,
      prefix: pipeline,
      spec: { pipelineRef: { name: pipeline }, timeouts: { pipeline: "5m0s" } },
      definition: "1",
      ...more,
    };
  }

  /** The PipelineRuns of a pipeline that exist in the cluster. */
  // biome-ignore lint/suspicious/noExplicitAny: objects as kubectl gives them.
  async runs(pipeline: string): Promise<any[]> {
    const runs = await list("pipelineruns", "-n", this.namespace);
    return runs.filter(({ spec }) => spec.pipelineRef.name === pipeline);
  }

  /** Waits until a run of the pipeline satisfies the condition. */
  // biome-ignore lint/suspicious/noExplicitAny: objects as kubectl gives them.
  async until(pipeline: string, condition: (run: any) => boolean, seconds = 300): Promise<any> {
    const end = performance.now() + seconds * 1000;
    for (;;) {
      const run = (await this.runs(pipeline)).find(condition);
      if (run) return run;
      if (performance.now() > end) throw new Error(`no such run of ${pipeline} after ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  patchRun(name: string, patch: object): Promise<string> {
    return kubectl(
      "patch",
      "pipelinerun",
      name,
      "-n",
      this.namespace,
      "--type=merge",
      `--patch=${JSON.stringify(patch)}`,
    );
  }
}

export const isRunning = (run: { status?: { conditions?: { reason: string }[] } }) =>
  run.status?.conditions?.[0]?.reason === "Running";
export const hasEnded = (run: { status?: { completionTime?: string } }) =>
  run.status?.completionTime !== undefined;

/** The site of the tests' runs, with the conventions of the program that starts them with the CLI. */
export const siteIn = (
  namespace: string,
  print: Site["print"] = () => {},
  cluster = administrator(),
): Site => ({
  cluster,
  namespace,
  conventions: defaults,
  print,
});

/** A run that this process watches, with the lines that a user would see. */
export interface Watched {
  readonly lines: string[];
  readonly outputs: Promise<RunOutputs>;
  /** The error that it ends with, as text. */
  readonly error: Promise<string>;
}

export function watched(inputs: RunInputs, cluster: Cluster = administrator()): Watched {
  const lines: string[] = [];
  const outputs = runToSuccess(
    siteIn(inputs.namespace, (line) => lines.push(line), cluster),
    inputs,
  );
  const error = outputs.then(
    () => "no error",
    (cause: Error) => cause.message,
  );
  return { lines, outputs, error };
}

/** Writes a row of the fault table, which people read, to the file that MODELCAR_FAULT_TABLE names. */
export function row(fault: string, saw: string | readonly string[], runs: number): void {
  const file = process.env.MODELCAR_FAULT_TABLE;
  if (file) appendFileSync(file, `## ${fault} (runs: ${runs})\n${[saw].flat().join("\n")}\n\n`);
}
