/**
 * Why a model gets no pods: KServe reports it in the conditions of the InferenceService and in warning events, Kubernetes in
 * warning events of a ReplicaSet whose pods are not admitted.
 */
import { ApiError, type Cluster, type KubernetesObject } from "@modelcar/kubernetes/client";
import { follow } from "@modelcar/kubernetes/watch";
import { rolloutRules } from "./rules.ts";

/** A problem, as a text for the user. */
export interface Complaint {
  readonly text: string;
  /** Whether KServe creates no Deployment because of it; otherwise it is only printed. */
  readonly refused: boolean;
}

export interface InferenceService extends KubernetesObject {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly modelStatus?: {
      readonly transitionStatus?: string;
      readonly lastFailureInfo?: { readonly reason?: string; readonly message?: string };
    };
  };
}

/** An Event of the core API. */
export interface Event extends KubernetesObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly involvedObject: { readonly kind?: string; readonly name?: string };
  readonly lastTimestamp?: string;
  readonly eventTime?: string;
  readonly series?: { readonly lastObservedTime?: string };
}

/** Reasons during an ordinary rollout; the Deployment's status and its pods tell more. */
const onTheWay = new Set([
  "MinimumReplicasUnavailable",
  "ProgressDeadlineExceeded",
  "ReplicaSetUpdated",
  "NewReplicaSetCreated",
  "FailedCreate",
  "Stopped",
  "Predictor ingress not created",
]);
const refusingWarnings = new Set(["InternalError", "ServerlessModeRejected"]);
/** Warnings that healthy clusters emit, too. */
const harmlessWarnings = new Set(["VirtualServiceCRDNotFound", "UpdateFailed", "InferenceServiceNotReady"]);
/** A write conflict, which is retried at once. */
const passes = /the object has been modified/;
/** Tolerated clock skew between a cluster's machines. */
const skewMs = 5000;

const joined = (...parts: (string | undefined)[]) => parts.filter(Boolean).join(": ");
const refusal = (...parts: (string | undefined)[]): Complaint => ({
  text: `KServe does not take it: ${joined(...parts)}`,
  refused: true,
});

/** The problem that an InferenceService reports itself. `toStop` tells how to declare it as stopped. */
export function complaintOf(
  { metadata, status }: InferenceService,
  toStop: string | undefined,
): Complaint | undefined {
  if (metadata.annotations?.["serving.kserve.io/stop"] === "true") {
    const again = `kubectl annotate inferenceservice ${metadata.name} serving.kserve.io/stop-`;
    return refusal(
      `somebody has stopped it (annotation serving.kserve.io/stop): ${again}${toStop ? `; or ${toStop}` : ""}`,
    );
  }
  const { transitionStatus, lastFailureInfo } = status?.modelStatus ?? {};
  if (transitionStatus === "InvalidSpec")
    return refusal(lastFailureInfo?.reason ?? transitionStatus, lastFailureInfo?.message);
  const wrong = (status?.conditions ?? []).filter(
    ({ status, reason = "", message = "" }) =>
      status === "False" && joined(reason, message) !== "" && !onTheWay.has(reason) && !passes.test(message),
  );
  // Ready repeats the first of the other conditions.
  const found = wrong.find(({ type }) => type !== "Ready") ?? wrong[0];
  if (!found) return undefined;
  const { type, reason, message } = found;
  if ((rolloutRules.refusals as readonly string[]).includes(reason ?? "")) return refusal(reason, message);
  return { text: `KServe: ${joined(`${type} is False`, reason, message)}`, refused: false };
}

/** The problem that a warning reports about an InferenceService. */
export function complaintIn({ reason = "", message = "" }: Event): Complaint | undefined {
  if (harmlessWarnings.has(reason) || passes.test(message)) return undefined;
  if (refusingWarnings.has(reason)) return refusal(reason, message);
  return { text: `KServe warns: ${joined(reason, message)}`, refused: false };
}

/** Whether a warning is about the object as it is declared now, not about an earlier declaration. */
export function isAbout(object: KubernetesObject, { lastTimestamp, eventTime, series }: Event): boolean {
  const said = Date.parse(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? "");
  return Number.isNaN(said) || said + skewMs >= declaredAt(object);
}

/** When the object's spec was last written, by the server's clock; 0 if unknown. */
function declaredAt({ metadata }: KubernetesObject): number {
  const writes = (metadata.managedFields ?? [])
    .filter(({ subresource, fieldsV1 = {} }) => !subresource && "f:spec" in fieldsV1)
    .map(({ time }) => Date.parse(time ?? ""));
  const times = [Date.parse(metadata.creationTimestamp ?? ""), ...writes];
  return Math.max(0, ...times.filter((time) => !Number.isNaN(time)));
}

export interface Followed {
  readonly namespace: string;
  readonly kind: "InferenceService" | "Deployment";
  readonly name: string;
  readonly deployment: string;
  readonly toStop?: string | undefined;
  readonly signal: AbortSignal;
  /** Called when the problem changes; without one once it has passed. */
  readonly onComplaint: (complaint: Complaint | undefined) => void;
  /** Called when a ReplicaSet of the Deployment fails to create a pod. */
  readonly onNoPod: (event: Event) => void;
}

/** Follows both until `signal` aborts. Without permission to read them it reports less, but does not fail. */
export async function complaints(cluster: Cluster, options: Followed): Promise<void> {
  const { namespace, kind, name, deployment, toStop, signal, onComplaint, onNoPod } = options;
  let service: InferenceService | undefined;
  let warning: Event | undefined;
  let last: string | undefined;
  const judge = () => {
    // A warning counts only once its object is known.
    if (!service) return;
    const inWarning = warning && isAbout(service, warning) ? complaintIn(warning) : undefined;
    const own = complaintOf(service, toStop);
    const complaint = own?.refused || !inWarning ? own : inWarning;
    if (complaint?.text === last) return;
    last = complaint?.text;
    onComplaint(complaint);
  };
  const replicaSet = new RegExp(`^${deployment}-[a-z0-9]+$`);
  const onEvent = (event: Event) => {
    const { kind, name: of = "" } = event.involvedObject;
    if (kind === "InferenceService" && of === name && complaintIn(event)) {
      warning = event;
      judge();
    } else if (kind === "ReplicaSet" && event.reason === "FailedCreate" && replicaSet.test(of))
      onNoPod(event);
  };
  const ifAllowed = (error: unknown) => {
    if (!(error instanceof ApiError)) throw error;
  };
  const services =
    kind === "InferenceService" &&
    follow<InferenceService>(cluster, {
      path: `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices`,
      query: { fieldSelector: `metadata.name=${name}` },
      onChange: (changed) => {
        service = changed;
        judge();
      },
      signal,
    }).catch(ifAllowed);
  const events = follow<Event>(cluster, {
    path: `/api/v1/namespaces/${namespace}/events`,
    query: { fieldSelector: "type=Warning" },
    onChange: onEvent,
    signal,
  }).catch(ifAllowed);
  await Promise.all([services, events]);
}
