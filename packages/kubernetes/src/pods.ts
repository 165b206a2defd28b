/** Status of pods, and why a pod does not start. */
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
    /** Its node, once it is scheduled. */
    readonly nodeName?: string;
    readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName: string } }[];
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
  readonly status?: {
    readonly phase?: string;
    /** Reason for the whole pod, such as Evicted. */
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
  /** Container, reason and message, for the user. */
  readonly text: string;
  /** Seconds that it may last, because it can pass; 0 if it cannot. */
  readonly patience: number;
  /** The crashed container, whose previous log tells more. */
  readonly crashed?: string;
}

/** Problems of a pod that may pass, and for how long. */
export const podRules = {
  /** Seconds without a node: the cluster may have to add one first, which can take ten minutes. */
  schedulingSeconds: 900,
  /** Seconds in which a container does not start. */
  startSeconds: 60,
  /** The first crash may be due to a dependency that was not ready. */
  crashesTolerated: 1,
  /** Reasons for which a container does not start. */
  waitingReasons: [
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
  ],
  /** Reasons of containerd and the kubelet for containers that ended with their node; they are restarted. */
  lostWithTheNode: ["Unknown", "ContainerStatusUnknown"],
} as const;

const includes = (reasons: readonly string[], reason = ""): boolean => reasons.includes(reason);

/** What keeps a pod from running; undefined if nothing does. */
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

/** Name of the newest ready pod. */
export function newestReady(pods: readonly Pod[]): string | undefined {
  const created = ({ metadata }: Pod) => metadata.creationTimestamp ?? "";
  const ready = pods.filter(
    ({ metadata, status }) =>
      !metadata.deletionTimestamp &&
      status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
  );
  return ready.sort((a, b) => created(b).localeCompare(created(a)))[0]?.metadata.name;
}
