/** Waits until a PipelineRun has finished, and prints the progress of its tasks. */
import { unboundClaims } from "@modelcar/kubernetes/claims";
import type { Cluster } from "@modelcar/kubernetes/client";
import { logTail } from "@modelcar/kubernetes/logs";
import { type Pod, podProblem } from "@modelcar/kubernetes/pods";
import { duration, waiting } from "@modelcar/kubernetes/waiting";
import { follow } from "@modelcar/kubernetes/watch";
import { describe, hasEnded, isObstacle } from "./task-lines.ts";
import {
  ofRun,
  outcomeOf,
  paths,
  type Run,
  type StepState,
  type TaskRun,
  taskName,
  tasksLeft,
} from "./tekton-status.ts";

export interface WatchRunOptions {
  readonly namespace: string;
  readonly name: string;
  /** Seconds until the wait fails; the run continues and can be adopted later. */
  readonly deadlineSeconds: number;
  readonly print: (line: string) => void;
}

export interface Ended {
  /** The run in its final state, failed or not. */
  readonly run: Run;
  /** What last kept tasks from starting, by task. Tekton's final state of such a task only mentions the timeout. */
  readonly obstacles: ReadonlyMap<string, string>;
}

/** Waits until a run has finished. Throws if it is deleted, at the deadline, and when the user interrupts. */
export async function watchRun(cluster: Cluster, options: WatchRunOptions): Promise<Ended> {
  const { namespace, name } = options;
  const tasks = new Tasks(cluster, namespace, (line) => options.print(`${name}: ${line}`));
  let final: Run | undefined;
  const wait = {
    deadlineSeconds: options.deadlineSeconds,
    print: tasks.print,
    state: () => tasks.state(),
    heartbeat: () => tasks.heartbeat(),
  };
  await waiting(wait, async ({ signal, done, fail }) => {
    const onRun = (run: Run) => {
      tasks.run = run;
      if (outcomeOf(run) === "running") return;
      final = run;
      done();
    };
    const gone = () => fail(new Error(`deleted while it ran, by a person or a pruner (${tasks.state()})`));
    await Promise.all([
      follow<TaskRun>(cluster, {
        path: paths.taskRuns(namespace),
        query: ofRun(name),
        onChange: (taskRun) => tasks.show(taskRun),
        signal,
      }),
      follow<Run>(cluster, {
        path: paths.runs(namespace),
        query: { fieldSelector: `metadata.name=${name}` },
        onChange: onRun,
        // A pruner deletes finished runs; the event has the run's last state.
        onGone: (run) => (outcomeOf(run) === "running" ? gone() : onRun(run)),
        onListed: (runs) => {
          if (runs.length === 0 && !final) gone();
        },
        onContact: (lost) =>
          tasks.print(
            lost ? `no contact with the cluster, trying again (${lost.message})` : "in contact again",
          ),
        signal,
      }),
    ]);
  });
  if (!final) throw new Error(`PipelineRun ${namespace}/${name} ended without a final state`);
  return { run: final, obstacles: tasks.obstacles };
}

/** Status of the tasks, and the lines that were printed about them. */
class Tasks {
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly #taskRuns = new Map<string, TaskRun>();
  readonly #said = new Map<string, string>();
  readonly #started = performance.now();
  #progress = "";
  readonly print: (line: string) => void;
  readonly obstacles = new Map<string, string>();
  run: Run | undefined;

  constructor(cluster: Cluster, namespace: string, print: (line: string) => void) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.print = (line) => print(`${duration((performance.now() - this.#started) / 1000)}: ${line}`);
  }

  /** Prints a task's status if it is new, and after a finished task which tasks are left. */
  show(taskRun: TaskRun): void {
    const task = taskName(taskRun);
    this.#taskRuns.set(task, taskRun);
    const line = describe(taskRun);
    if (isObstacle(line)) this.obstacles.set(task, line);
    else if (!hasEnded(taskRun) || outcomeOf(taskRun) === "succeeded") this.obstacles.delete(task);
    if (this.#said.get(task) === line) return;
    this.#said.set(task, line);
    const left = hasEnded(taskRun) ? tasksLeft(this.run, this.#ended()) : [];
    this.print(`${task}: ${line}${left.length > 0 ? `; left: ${left.join(", ")}` : ""}`);
  }

  state(): string {
    const open = [...this.#taskRuns].filter(([, taskRun]) => !hasEnded(taskRun));
    const lines = open.map(([task]) => `${task}: ${this.#said.get(task)}`);
    return lines.join("; ") || "waiting for Tekton to start a task";
  }

  /**
   * The last log line of the running step, if it is new, or the problem of a pod that does not start, which Tekton does not always
   * report. Asks for one task only.
   */
  async heartbeat(): Promise<string> {
    for (const [task, taskRun] of this.#taskRuns) {
      const { steps = [], podName } = taskRun.status ?? {};
      if (!podName || hasEnded(taskRun)) continue;
      const step = steps.find(({ running }) => running);
      const news = step ? await this.#progressOf(podName, step) : await this.#problemOf(task, podName);
      return news ? `${task}: ${news}` : this.state();
    }
    return this.state();
  }

  async #progressOf(podName: string, { container }: StepState): Promise<string | undefined> {
    const [line] = await logTail(this.#cluster, this.#namespace, podName, container, { lines: 1 });
    if (!line || line === this.#progress) return undefined;
    this.#progress = line;
    return line.slice(0, 200);
  }

  async #problemOf(task: string, podName: string): Promise<string | undefined> {
    const pod = await this.#cluster.get<Pod>(`/api/v1/namespaces/${this.#namespace}/pods/${podName}`);
    const claims = pod && (await unboundClaims(this.#cluster, this.#namespace, pod));
    const problem = claims ?? (pod && podProblem(pod)?.text);
    if (problem) this.obstacles.set(task, problem);
    return problem;
  }

  #ended(): Set<string> {
    return new Set([...this.#taskRuns].filter(([, taskRun]) => hasEnded(taskRun)).map(([task]) => task));
  }
}
