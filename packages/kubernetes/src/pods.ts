/** How a pod stands, and why one does not come up. */
import type { KubernetesObject } from "./client.ts";

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: { readonly exitCode: number; readonly reason?: string };
}

interface ContainerStatus {
  readonly name: string;
  readonly restartCount: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

export interface Resources {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

interface Container {
  readonly name: string;
  readonly image?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly args?: readonly string[];
  readonly resources?: Resources;
}

export interface Pod extends KubernetesObject {
  readonly spec?: {
    /** Where it runs, once the scheduler has found a place. */
    readonly nodeName?: string;
    readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName: string } }[];
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
  readonly status?: {
    readonly phase?: string;
    /** Of the pod as a whole, such as Evicted. */
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface PodProblem {
  /** For people: container, reason, message. */
  readonly text: string;
  /** Seconds that it may last, because such a thing can pass; 0 when waiting longer is useless. */
  readonly patience: number;
  /** The container whose earlier log tells more. */
  readonly crashed?: string;
}

/** What of a pod may pass, and for how long. */
export const podRules = {
  /** Seconds without a node: a cluster may have to add one first, which may take ten minutes. */
  schedulingSeconds: 900,
  /** Seconds in which a container does not start. */
  startSeconds: 60,
  /** A first crash may be a dependency that was late. */
  crashesTolerated: 1,
  /** Why a container does not start. */
  waitingReasons: [
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
  ],
  /** Ends that were the node's, not the container's, in the words of containerd and of the kubelet: both start it again. */
  lostWithTheNode: ["Unknown", "ContainerStatusUnknown"],
} as const;

const includes = (reasons: readonly string[], reason = ""): boolean => reasons.includes(reason);

/** What keeps a pod from running, if anything does. */
export function podProblem(pod: Pod): PodProblem | undefined {
  const { conditions = [], initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const scheduled = conditions.find((condition) => condition.type === "PodScheduled");
  if (scheduled?.status === "False") {
    return { text: `${scheduled.reason}: ${scheduled.message}`, patience: podRules.schedulingSeconds };
  }
  for (const container of [...initContainerStatuses, ...containerStatuses]) {
    const { waiting } = container.state ?? {};
    if (waiting && includes(podRules.waitingReasons, waiting.reason)) {
      return {
        text: `container ${container.name}: ${waiting.reason}: ${waiting.message ?? ""}`,
        patience: podRules.startSeconds,
      };
    }
    const end = container.state?.terminated ?? container.lastState?.terminated;
    if (!end || end.exitCode === 0 || includes(podRules.lostWithTheNode, end.reason)) continue;
    const text = `container ${container.name} ended: ${end.reason ?? "Error"}, exit code ${end.exitCode}`;
    if (end.reason === "OOMKilled")
      return { text: `${text}; give it more memory`, patience: 0, crashed: container.name };
    if (container.restartCount > podRules.crashesTolerated)
      return { text, patience: 0, crashed: container.name };
  }
  return undefined;
}

/** The newest of the pods that is ready. */
export function newestReady(pods: readonly Pod[]): string | undefined {
  const created = ({ metadata }: Pod) => metadata.creationTimestamp ?? "";
  const ready = pods.filter(
    ({ metadata, status }) =>
      !metadata.deletionTimestamp &&
      status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
  );
  return ready.sort((a, b) => created(b).localeCompare(created(a)))[0]?.metadata.name;
}
