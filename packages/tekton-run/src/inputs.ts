/** What a run is made from, which of it makes the result, and what is wrong with it. Plain data, no Pulumi. */

import { digestOf } from "@modelcar/kubernetes/digest";
import type { ClusterAccess } from "@modelcar/kubernetes/location";

export interface Param {
  readonly name: string;
  readonly value: string | readonly string[];
}

export interface Requirements {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

export interface WorkspaceBinding {
  readonly name: string;
  readonly subPath?: string;
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly secret?: { readonly secretName: string };
  readonly configMap?: { readonly name: string };
  readonly emptyDir?: Readonly<Record<string, unknown>>;
}

/** Pod template as Tekton has it: securityContext, nodeSelector, tolerations, … */
export type PodTemplate = Readonly<Record<string, unknown>>;

/** What one task of the pipeline has of its own. */
export interface TaskRunSpec {
  readonly pipelineTaskName: string;
  readonly serviceAccountName?: string;
  readonly podTemplate?: PodTemplate;
  readonly computeResources?: Requirements;
  readonly stepSpecs?: readonly { readonly name: string; readonly computeResources?: Requirements }[];
}

/** `spec` of a PipelineRun (tekton.dev/v1), as far as programs set it. */
export interface RunSpec {
  readonly pipelineRef: { readonly name: string };
  readonly params?: readonly Param[];
  readonly workspaces?: readonly WorkspaceBinding[];
  readonly taskRunTemplate?: {
    readonly serviceAccountName?: string;
    readonly podTemplate?: PodTemplate;
  };
  readonly taskRunSpecs?: readonly TaskRunSpec[];
  /** Go durations ("1h30m0s"); `pipeline` defaults to Tekton's hour, "0" means none. */
  readonly timeouts?: { readonly pipeline?: string; readonly tasks?: string; readonly finally?: string };
}

/** A line that runs stand in for scarce GPUs. */
export interface Queue {
  /** Runs of one name in one namespace stand in one line. A label's value: at most 63 letters, digits, `-`, `_`, `.`. */
  readonly name: string;
  /** The most GPUs that the run holds at a time. */
  readonly gpus: number;
  /** GPUs that all runs of the queue may hold together. */
  readonly capacity: number;
}

/** Kept in Pulumi's state. One of `context` and `kubeconfig` must be there. */
export interface RunInputs extends ClusterAccess {
  readonly namespace: string;
  /** Start of the run's name, and what its runs are found by: one resource for a prefix in a namespace. */
  readonly prefix: string;
  readonly spec: RunSpec;
  /** Any text that stands for the Pipeline and its Tasks, such as a digest: another definition means another run. */
  readonly definition: string;
  /** Any text; another text asks for another run. Default: none. */
  readonly trigger?: string;
  /** Seconds that a run may take; the wait ends a little later. Default: `spec.timeouts.pipeline`, else an hour. */
  readonly timeoutSeconds?: number;
  /** Results that a run must give; without one of them it counts as failed. Default: none. */
  readonly expectedResults?: readonly string[];
  /** How many more attempts one `up` makes after a failure of the pipeline. Default 0. */
  readonly retries?: number;
  /** What Ctrl-C does to the run. Either way the next `up` picks it up. Default "continue". */
  readonly onInterrupt?: "continue" | "cancel";
  /** What `destroy` does with finished runs, their pods and logs. Default "remove". */
  readonly history?: "remove" | "keep";
  /** Default: none, the run starts at once. */
  readonly queue?: Queue;
  /** Base URL of the OpenShift console, for the link to the logs. Default: none, `logs` is then a kubectl command. */
  readonly consoleUrl?: string;
}

/** Tekton's own default for a whole run. */
const tektonTimeoutSeconds = 3600;
/** Room in the 63 characters of a name for the hash and the attempt. */
const prefixLength = 49;

/** Inputs that make the result, by their names for people. A change of anything else never asks for another run. */
export function meaning(inputs: RunInputs): Record<string, unknown> {
  const { namespace, prefix, definition, trigger, spec } = inputs;
  // In a preview it can be unknown as a whole.
  if (unknown(spec)) return { namespace, prefix, definition, trigger, spec };
  const { pipelineRef, params = [], workspaces = [] } = spec ?? {};
  return {
    namespace,
    prefix,
    pipeline: pipelineRef?.name,
    definition,
    trigger,
    ...named("params", params, ({ value }) => value),
    ...named("workspaces", workspaces, ({ name: _, ...binding }) => binding),
  };
}

function named<T extends { readonly name: string }>(
  kind: string,
  list: readonly T[],
  of: (item: T) => unknown,
) {
  // In a preview a list can be unknown as a whole.
  if (!Array.isArray(list)) return { [kind]: list };
  return Object.fromEntries(list.map((item: T) => [`${kind}.${item?.name}`, of(item)]));
}

/** Digest of what makes a run another run: not timeouts, accounts, pod templates, retries, the queue or the context. */
export function inputsDigest(inputs: RunInputs): string {
  return digestOf(meaning(inputs));
}

/** Start of the names of a resource's runs with these inputs. */
export function baseName(inputs: RunInputs): string {
  return `${inputs.prefix.slice(0, prefixLength).replace(/-+$/, "")}-${inputsDigest(inputs).slice(0, 8)}`;
}

/** How long the run may take, by its inputs. */
export function timeoutOf({ timeoutSeconds, spec }: Pick<RunInputs, "timeoutSeconds" | "spec">): number {
  return timeoutSeconds ?? secondsOfDuration(spec.timeouts?.pipeline) ?? tektonTimeoutSeconds;
}

/** Seconds of a Go duration such as "1h30m0s"; Infinity for "0", which is Tekton's word for no timeout. */
export function secondsOfDuration(duration: string | undefined): number | undefined {
  if (duration === undefined) return undefined;
  const units = { h: 3600, m: 60, s: 1 };
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)([hms])/g)];
  const total = parts.reduce((sum, [, n, unit]) => sum + Number(n) * units[unit as keyof typeof units], 0);
  return total === 0 ? Number.POSITIVE_INFINITY : total;
}

/** What is wrong with inputs, by property; values that are not known yet are taken for right. */
export function inputFailures(inputs: RunInputs): { property: string; reason: string }[] {
  const failures: { property: string; reason: string }[] = [];
  const must = (right: boolean, property: string, reason: string) => {
    if (!right) failures.push({ property, reason });
  };
  const { context, kubeconfig, prefix, queue, retries, onInterrupt, history, consoleUrl } = inputs;
  must(
    Boolean(context || kubeconfig),
    "context",
    "say which cluster: a context of the kubeconfig, or a kubeconfig (its content or a path)",
  );
  must(
    unknown(prefix) || /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(prefix),
    "prefix",
    `"${prefix}" must be lower-case letters, digits and hyphens, starting with a letter: runs are named by it`,
  );
  must(
    retries === undefined || unknown(retries) || (Number.isInteger(retries) && retries >= 0 && retries <= 10),
    "retries",
    `${retries} must be a whole number from 0 to 10`,
  );
  must([undefined, "continue", "cancel"].includes(onInterrupt), "onInterrupt", "must be continue or cancel");
  must([undefined, "remove", "keep"].includes(history), "history", "must be remove or keep");
  must(
    consoleUrl === undefined || unknown(consoleUrl) || /^https?:\/\//.test(consoleUrl),
    "consoleUrl",
    "must be an http:// or https:// URL",
  );
  if (queue && !unknown(queue) && !Object.values(queue).some(unknown)) {
    const { name, gpus, capacity } = queue;
    must(
      /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(name),
      "queue.name",
      `"${name}" must be a label's value`,
    );
    must(gpus > 0, "queue.gpus", `${gpus} must be above 0`);
    must(
      capacity >= gpus,
      "queue.capacity",
      `${capacity} GPUs never fit a run that needs ${gpus}; give the queue more or the run less`,
    );
  }
  return failures;
}

/** What stands for any value in a preview that another resource will only give later (Pulumi's wire format). */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
export const unknown = (value: unknown): boolean => value === unknownValue;
