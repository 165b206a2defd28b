/** The inputs of a run, the digest of those that determine its result, and their validation. Does not depend on Pulumi. */

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

/** Tekton's pod template: securityContext, nodeSelector, tolerations, … */
export type PodTemplate = Readonly<Record<string, unknown>>;

/** Overrides for one pipeline task. */
export interface TaskRunSpec {
  readonly pipelineTaskName: string;
  readonly serviceAccountName?: string;
  readonly podTemplate?: PodTemplate;
  readonly computeResources?: Requirements;
  readonly stepSpecs?: readonly { readonly name: string; readonly computeResources?: Requirements }[];
}

/** The supported fields of a PipelineRun's `spec` (tekton.dev/v1). */
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

/** A queue in which runs wait for scarce GPUs. */
export interface Queue {
  /** Runs with the same name in one namespace share a queue. A label's value: at most 63 letters, digits, `-`, `_`, `.`. */
  readonly name: string;
  /** Maximum number of GPUs that the run holds at a time. */
  readonly gpus: number;
  /** GPUs that all runs of the queue may hold together. */
  readonly capacity: number;
}

/** Kept in Pulumi's state. `context` or `kubeconfig` is required. */
export interface RunInputs extends ClusterAccess {
  readonly namespace: string;
  /** Prefix of the run's name, by which the resource's runs are found: it must be unique in the namespace. */
  readonly prefix: string;
  readonly spec: RunSpec;
  /** Any text that stands for the Pipeline and its Tasks, such as a digest; a change starts another run. */
  readonly definition: string;
  /** Any text; a change starts another run. Default: none. */
  readonly trigger?: string;
  /** Seconds that a run may take; the wait ends a little later. Default: `spec.timeouts.pipeline`, or an hour. */
  readonly timeoutSeconds?: number;
  /** Results that a run must have; if one is missing, the run counts as failed. Default: none. */
  readonly expectedResults?: readonly string[];
  /** Number of retries after a failure of the pipeline, within one `up`. Default 0. */
  readonly retries?: number;
  /** What Ctrl-C does to the run. In both cases the next `up` resumes it. Default "continue". */
  readonly onInterrupt?: "continue" | "cancel";
  /** What `destroy` does with finished runs, their pods and logs. Default "remove". */
  readonly history?: "remove" | "keep";
  /** Default: none, the run starts at once. */
  readonly queue?: Queue;
  /** Base URL of the OpenShift console, for the link to the logs. Default: none; then `logs` is a kubectl command. */
  readonly consoleUrl?: string;
}

/** Tekton's default for a whole run. */
const tektonTimeoutSeconds = 3600;
/** Leaves room for hash and attempt in the 63 characters of a name. */
const prefixLength = 49;

/** The inputs that determine the result, by display name. A change of anything else never starts another run. */
export function meaning(inputs: RunInputs): Record<string, unknown> {
  const { namespace, prefix, definition, trigger, spec } = inputs;
  // In a preview the whole spec can be unknown.
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
  // In a preview the whole list can be unknown.
  if (!Array.isArray(list)) return { [kind]: list };
  return Object.fromEntries(list.map((item: T) => [`${kind}.${item?.name}`, of(item)]));
}

/** Digest of the inputs that start a new run: without timeouts, accounts, pod templates, retries, the queue or the context. */
export function inputsDigest(inputs: RunInputs): string {
  return digestOf(meaning(inputs));
}

/** Common prefix of the names of all attempts with these inputs. */
export function baseName(inputs: RunInputs): string {
  return `${inputs.prefix.slice(0, prefixLength).replace(/-+$/, "")}-${inputsDigest(inputs).slice(0, 8)}`;
}

/** Timeout of the run in seconds, by its inputs. */
export function timeoutOf({ timeoutSeconds, spec }: Pick<RunInputs, "timeoutSeconds" | "spec">): number {
  return timeoutSeconds ?? secondsOfDuration(spec.timeouts?.pipeline) ?? tektonTimeoutSeconds;
}

/** Seconds of a Go duration such as "1h30m0s"; Infinity for "0", with which Tekton has no timeout. */
export function secondsOfDuration(duration: string | undefined): number | undefined {
  if (duration === undefined) return undefined;
  const units = { h: 3600, m: 60, s: 1 };
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)([hms])/g)];
  const total = parts.reduce((sum, [, n, unit]) => sum + Number(n) * units[unit as keyof typeof units], 0);
  return total === 0 ? Number.POSITIVE_INFINITY : total;
}

/** Invalid inputs, by property; unknown values count as valid. */
export function inputFailures(inputs: RunInputs): { property: string; reason: string }[] {
  const failures: { property: string; reason: string }[] = [];
  const must = (right: boolean, property: string, reason: string) => {
    if (!right) failures.push({ property, reason });
  };
  const { context, kubeconfig, prefix, queue, retries, onInterrupt, history, consoleUrl } = inputs;
  must(
    Boolean(context || kubeconfig),
    "context",
    "set the cluster: a context of the kubeconfig, or a kubeconfig (its content or a path)",
  );
  must(
    unknown(prefix) || /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(prefix),
    "prefix",
    `"${prefix}" must be lower-case letters, digits and hyphens, starting with a letter: it is the prefix of the runs' names`,
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
      `${capacity} is less than the ${gpus} GPUs of the run, which could never start; raise it, or lower queue.gpus`,
    );
  }
  return failures;
}

/** Pulumi's wire format of an unknown value in a preview. */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
export const unknown = (value: unknown): boolean => value === unknownValue;
