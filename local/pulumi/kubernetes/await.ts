import { at, isObject, type Properties } from "../properties.ts";
import { annotation } from "./check.ts";
import { isNotFound, type KubernetesClient, type ObjectReference } from "./client.ts";
import type { Kind } from "./kinds.ts";
import {
  claimReadiness,
  deploymentReadiness,
  ingressReadiness,
  jobReadiness,
  quotaReadiness,
  type Readiness,
  serviceReadiness,
  waitForReadiness,
} from "./readiness.ts";
import { type Watched, watchUntil } from "./watch.ts";

/** One wait. */
export interface Wait {
  readonly client: KubernetesClient;
  readonly kind: Kind;
  readonly reference: ObjectReference & { readonly name: string };
  /** The resource option `customTimeouts` in seconds; 0 means none. */
  readonly timeoutSeconds: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Takes what is being waited for, whenever that changes. */
  readonly report: (message: string) => void;
}

interface Awaiter {
  readonly timeoutSeconds: number;
  readonly related?: (object: Properties) => Watched[];
  readonly readiness: (object: Properties, related: readonly Properties[]) => Readiness;
}

const PODS = { group: "", version: "v1", plural: "pods", namespaced: true };
const ENDPOINT_SLICES = {
  group: "discovery.k8s.io",
  version: "v1",
  plural: "endpointslices",
  namespaced: true,
};
const SERVICES = { group: "", version: "v1", plural: "services", namespaced: true };
const STORAGE_CLASSES = {
  group: "storage.k8s.io",
  version: "v1",
  plural: "storageclasses",
  namespaced: false,
};
const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";
const DEFAULT_TIMEOUT_SECONDS = 600;
/** Kinds whose deletion `pulumi.com/skipAwait` does not wait for; all others are always waited for. */
const DELETED_WITHOUT_WAIT = new Set(["Namespace", "Deployment", "Job", "PersistentVolumeClaim", "Service"]);

/** Waits until the object is ready by the rules of its kind; returns it as last seen. */
export async function waitUntilReady(wait: Wait, object: Properties): Promise<Properties> {
  const awaiter = await awaiterOf(wait, object);
  if (!awaiter || annotation(object, "pulumi.com/skipAwait") === "true") return object;
  const sets = [
    { reference: collection(wait.reference), name: wait.reference.name },
    ...(awaiter.related?.(object) ?? []),
  ];
  let message = "nothing is known about it";
  const { signal, timedOut } = deadline(wait, object, awaiter.timeoutSeconds);
  try {
    return await watchUntil(wait.client, sets, signal, ([own, ...related]) => {
      const current = own?.[0];
      if (!current) throw new Error("it was deleted meanwhile");
      const readiness = awaiter.readiness(current, related.flat());
      // Objects in lists do not carry what all of a list have in common.
      if (readiness.ready) return { apiVersion: object.apiVersion, kind: object.kind, ...current };
      if (readiness.failed) throw new Error(readiness.message);
      if (readiness.message !== message) wait.report(readiness.message);
      message = readiness.message;
      return undefined;
    });
  } catch (error) {
    throw timedOut.aborted ? new Error(`${timedOut.reason.message}: ${message}`) : error;
  }
}

/** Waits until the object is gone. */
export async function waitUntilGone(wait: Wait, object: Properties): Promise<void> {
  const isSkipped = annotation(object, "pulumi.com/skipAwait") === "true";
  if (isSkipped && DELETED_WITHOUT_WAIT.has(wait.kind.kind)) return;
  const set = { reference: collection(wait.reference), name: wait.reference.name };
  const uid = at(object, "metadata", "uid");
  let finalizers: unknown;
  const { signal, timedOut } = deadline(wait, object, DEFAULT_TIMEOUT_SECONDS);
  try {
    await watchUntil(wait.client, [set], signal, ([own]) => {
      const current = own?.[0];
      if (!current || (uid !== undefined && at(current, "metadata", "uid") !== uid)) return true;
      finalizers = at(current, "metadata", "finalizers") ?? at(current, "spec", "finalizers");
      wait.report(`being deleted${finalizers ? `; finalizers: ${finalizers}` : ""}`);
      return undefined;
    });
  } catch (error) {
    if (!timedOut.aborted) throw error;
    throw new Error(`${timedOut.reason.message}: still being deleted; finalizers: ${finalizers ?? "none"}`);
  }
}

async function awaiterOf(wait: Wait, object: Properties): Promise<Awaiter | undefined> {
  const waitFor = annotation(object, "pulumi.com/waitFor");
  if (waitFor !== undefined) {
    return { timeoutSeconds: DEFAULT_TIMEOUT_SECONDS, readiness: waitForReadiness(waitFor) };
  }
  const namespace = wait.reference.namespace ?? "";
  const labelled = (kind: ObjectReference["kind"], labelSelector: string): Watched[] => [
    { reference: { kind, namespace }, labelSelector },
  ];
  switch (wait.kind.kind) {
    case "Deployment":
      return {
        timeoutSeconds: DEFAULT_TIMEOUT_SECONDS,
        related: (deployment) =>
          labelled(PODS, labelSelector(at(deployment, "spec", "selector", "matchLabels"))),
        readiness: deploymentReadiness,
      };
    case "PersistentVolumeClaim": {
      const waitsForConsumer = await bindsAtFirstConsumer(wait, object);
      return { timeoutSeconds: 300, readiness: (claim) => claimReadiness(claim, waitsForConsumer) };
    }
    case "ResourceQuota":
      return { timeoutSeconds: 60, readiness: quotaReadiness };
    case "Service":
      return {
        timeoutSeconds: DEFAULT_TIMEOUT_SECONDS,
        related: () => labelled(ENDPOINT_SLICES, `kubernetes.io/service-name=${wait.reference.name}`),
        readiness: serviceReadiness,
      };
    case "Ingress":
      return {
        timeoutSeconds: DEFAULT_TIMEOUT_SECONDS,
        related: () => [SERVICES, ENDPOINT_SLICES].map((kind) => ({ reference: { kind, namespace } })),
        readiness: ingressReadiness,
      };
    case "Job":
      return {
        timeoutSeconds: DEFAULT_TIMEOUT_SECONDS,
        related: () => labelled(PODS, `batch.kubernetes.io/job-name=${wait.reference.name}`),
        readiness: jobReadiness,
      };
    default:
      return undefined;
  }
}

function collection({ kind, namespace }: ObjectReference): ObjectReference {
  return namespace === undefined ? { kind } : { kind, namespace };
}

function labelSelector(labels: unknown): string {
  return Object.entries(isObject(labels) ? labels : {})
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

/** Whether the claim's storage class binds only when a pod uses the claim. */
async function bindsAtFirstConsumer({ client, signal }: Wait, claim: Properties): Promise<boolean> {
  const name = at(claim, "spec", "storageClassName");
  try {
    const classes = (await client.list({ kind: STORAGE_CLASSES }, {}, signal)).items as Properties[];
    const found = classes.find((storageClass) =>
      name === undefined
        ? annotation(storageClass, DEFAULT_CLASS) === "true"
        : at(storageClass, "metadata", "name") === name,
    );
    return found?.volumeBindingMode === "WaitForFirstConsumer";
  } catch (error) {
    if (isNotFound(error) || (error as { code?: unknown }).code === 403) return false;
    throw error;
  }
}

/** The end of a wait: `customTimeouts`, else the annotation `pulumi.com/timeoutSeconds`, else the kind's default. */
function deadline(
  { timeoutSeconds, signal }: Wait,
  object: Properties,
  defaultSeconds: number,
): { signal: AbortSignal; timedOut: AbortSignal } {
  const seconds = timeoutSeconds || Number(annotation(object, "pulumi.com/timeoutSeconds")) || defaultSeconds;
  const timer = new AbortController();
  setTimeout(() => timer.abort(new Error(`not ready after ${seconds} s`)), seconds * 1000).unref();
  return { signal: AbortSignal.any([signal, timer.signal]), timedOut: timer.signal };
}
