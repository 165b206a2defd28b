/** Waits until all pods that serve a model are of its newest declaration and available. */

import { unboundClaims } from "@modelcar/kubernetes/claims";
import type { Cluster, KubernetesObject } from "@modelcar/kubernetes/client";
import { digestOf } from "@modelcar/kubernetes/digest";
import { lastLogLines } from "@modelcar/kubernetes/logs";
import { type Pod, podProblem, type Resources } from "@modelcar/kubernetes/pods";
import { waiting } from "@modelcar/kubernetes/waiting";
import { follow } from "@modelcar/kubernetes/watch";
import { complaints, type Event, isAbout } from "./complaints.ts";
import type { Conventions } from "./conventions.ts";
import { patience } from "./patience.ts";
import { phase } from "./phase.ts";
import { rolloutRules } from "./rules.ts";

/** What identifies pods of the declaration. KServe's status does not: it refers to the Deployment's generation. */
export interface Expected {
  readonly image: string;
  /** For an InferenceService: what KServe's storage initializer fetches. */
  readonly storageUri?: string;
  /** For a Deployment: the image that its init container fetches, see {@link Conventions.fetcher}. */
  readonly modelImage?: string;
  /** The model's arguments, which follow those of the runtime. */
  readonly args: readonly string[];
  readonly resources: Resources;
}

export interface Rollout extends Pick<Conventions, "fetcher" | "toStop"> {
  readonly namespace: string;
  /** Kind of the declared object: KServe's, which creates the Deployment, or the Deployment itself. */
  readonly kind: "InferenceService" | "Deployment";
  /** Name of the declared object, also for progress messages. */
  readonly name: string;
  /** Name of the Deployment, and of the container that serves. */
  readonly deployment: string;
  readonly container: string;
  readonly expected: Expected;
  readonly deadlineSeconds: number;
  /** How long KServe may refuse the declared object before the wait fails. Default 20. */
  readonly refusalSeconds?: number;
  readonly print: (line: string) => void;
}

export interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: Template;
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
}

type Template = Pick<Pod, "spec"> & {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
};

const sourceUri = "internal.serving.kserve.io/storage-initializer-sourceuri";
/** Waits for the rollout. Throws with the pod's reason and last log lines once it cannot succeed, or at the deadline. */
export async function rolledOut(cluster: Cluster, rollout: Rollout): Promise<void> {
  const { namespace, deployment: name } = rollout;
  const print = (line: string) => rollout.print(`${rollout.name}: ${line}`);
  let state = `waiting for Deployment ${name} to be created`;
  let newest: Pod | undefined;
  const heartbeat = async () => {
    const claims = newest && (await unboundClaims(cluster, namespace, newest));
    if (claims) state = `pod ${newest?.metadata.name}: ${claims}`;
    return undefined;
  };
  await waiting({ ...rollout, print, state: () => state, heartbeat }, async ({ signal, done, fail }) => {
    const say = (line: string) => {
      if (line !== state) print(line);
      state = line;
    };
    const give = patience(async ({ of, text, crashed }) => {
      const log = crashed && (await lastLogLines(cluster, namespace, of, crashed, { previous: true }));
      const claims = newest && (await unboundClaims(cluster, namespace, newest).catch(() => undefined));
      const said = claims ? `${text}; ${claims}` : text;
      fail(new Error(log ? `${said}\n${log}` : said));
    });
    signal.addEventListener("abort", () => give.stop(), { once: true });
    let latest: Deployment | undefined;
    // Once KServe has created the declared Deployment, its status and its pods tell more than KServe does.
    const isMade = () => latest !== undefined && matches(latest.spec.template, rollout);
    let noPod: Event | undefined;
    const tellNoPod = () => {
      if (!noPod || !latest || !isMade() || !isAbout(latest, noPod)) return;
      say(`no pod is admitted: ${noPod.message?.replace(/^Error creating: /, "")}`);
      noPod = undefined;
    };
    const onDeployment = (deployment: Deployment) => {
      if (!latest) followPods(deployment).catch(fail);
      latest = deployment;
      if (isMade()) give.clear(rollout.name);
      tellNoPod();
      const refused = deployment.status?.conditions?.find(
        ({ type, status }) => type === "ReplicaFailure" && status === "True",
      );
      if (refused) {
        const text = `no pod is admitted: ${refused.message ?? refused.type}`;
        say(text);
        give.patienceFor({ of: `deployment ${name}`, text, patience: rolloutRules.admissionSeconds });
      } else give.clear(`deployment ${name}`);
      if (isRolledOut(deployment, rollout)) done();
    };
    const onPod = (pod: Pod) => {
      // Pods of an older declaration will be deleted, whatever their state.
      if (pod.metadata.deletionTimestamp || !matches(pod, rollout)) return;
      newest = pod;
      const of = pod.metadata.name;
      const problem = podProblem(pod);
      say(problem ? problem.text : `pod ${of}: ${phase(pod, rollout.fetcher)}`);
      if (!problem) return give.clear(of);
      give.patienceFor({ ...problem, of, text: `pod ${namespace}/${of}: ${problem.text}` });
    };
    complaints(cluster, {
      ...rollout,
      signal,
      onComplaint: (complaint) => {
        if (isMade()) return;
        if (complaint) say(complaint.text);
        if (!complaint?.refused) return give.clear(rollout.name);
        const { text } = complaint;
        give.patienceFor({
          of: rollout.name,
          text,
          patience: rollout.refusalSeconds ?? rolloutRules.refusalSeconds,
        });
      },
      onNoPod: (event) => {
        noPod = event;
        tellNoPod();
      },
    }).catch(fail);
    const followPods = (deployment: Deployment) =>
      follow<Pod>(cluster, {
        path: `/api/v1/namespaces/${namespace}/pods`,
        query: podsOf(deployment),
        onChange: onPod,
        onGone: (pod) => give.clear(pod.metadata.name),
        signal,
      });
    await follow<Deployment>(cluster, {
      path: `/apis/apps/v1/namespaces/${namespace}/deployments`,
      query: { fieldSelector: `metadata.name=${name}` },
      onChange: onDeployment,
      onContact: (lost) =>
        print(lost ? `no contact with the cluster, trying again (${lost.message})` : "in contact again"),
      signal,
    });
  });
}

/** Selects the pods of a Deployment. */
export function podsOf({ spec }: Deployment): { labelSelector: string } {
  const labels = Object.entries(spec.selector.matchLabels);
  return { labelSelector: labels.map(([key, value]) => `${key}=${value}`).join(",") };
}

type Declared = Pick<Rollout, "container" | "expected" | "fetcher">;

/** True if every replica has the expected template and is available, and no other is left. */
export function isRolledOut(deployment: Deployment, declared: Declared): boolean {
  const { status, spec } = deployment;
  const replicas = spec.replicas ?? 1;
  return (
    matches(spec.template, declared) &&
    (status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0) &&
    status?.updatedReplicas === replicas &&
    status.availableReplicas === replicas &&
    status.replicas === replicas
  );
}

/**
 * True while a replica of the declared template is available, or an autoscaler has scaled it to zero. Weaker than
 * {@link isRolledOut}, because replicas come and go in normal operation.
 */
export function isServing(deployment: Deployment, declared: Declared): boolean {
  const { status, spec } = deployment;
  return matches(spec.template, declared) && (spec.replicas === 0 || (status?.availableReplicas ?? 0) > 0);
}

/** True for pods and templates of the declaration. */
export function matches(template: Template, { container, expected, fetcher }: Declared): boolean {
  const serving = template.spec?.containers.find(({ name }) => name === container);
  const fetching = template.spec?.initContainers?.find(({ name }) => name === fetcher?.container);
  const modelImage = fetching?.env?.find(({ name }) => name === fetcher?.variable)?.value;
  const tail = serving?.args?.slice(Math.max(0, serving.args.length - expected.args.length)) ?? [];
  const resources = serving?.resources;
  return (
    serving?.image === expected.image &&
    template.metadata?.annotations?.[sourceUri] === expected.storageUri &&
    modelImage === expected.modelImage &&
    digestOf([tail, resources?.requests, resources?.limits]) ===
      digestOf([expected.args, expected.resources.requests, expected.resources.limits])
  );
}
