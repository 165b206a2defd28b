/** One line about the status of a run's task. */
import { duration } from "@modelcar/kubernetes/waiting";
import { secondsOf, succeeded, type TaskRun } from "./tekton-status.ts";

/** Pod conditions that occur in every start; Tekton reports each as if it were a problem. */
const podCondition = /^pod status "(\w+)":"False"; message: "(.*)"$/s;
const stepWaits = /^build step "(?:step-)?(.*?)" is pending with reason "(.*)"$/s;

/** Whether the task has finished, with or without success. */
export function hasEnded(taskRun: TaskRun): boolean {
  return ["True", "False"].includes(succeeded(taskRun)?.status ?? "");
}

/** Whether a line of {@link describe} is a reason that keeps a task from starting. */
export const isObstacle = (line: string) =>
  /^waiting for (quota|a node): |^step \S+ does not start: /.test(line);

/** The TaskRun's condition without the noise of an ordinary start, or what keeps it from starting. */
export function describe(taskRun: TaskRun): string {
  const condition = succeeded(taskRun);
  if (!condition) return "waiting for Tekton";
  const { status, reason = status, message = "" } = condition;
  if (status === "True") {
    const seconds = secondsOf(taskRun);
    return seconds === undefined ? reason : `${reason} after ${duration(seconds)}`;
  }
  const firstLine = message.split("\n")[0] ?? "";
  if (status === "False") return firstLine ? `${reason}: ${firstLine}` : reason;
  switch (reason) {
    case "Started":
    case "Running":
      return reason;
    case "Pending":
    case "PullImageFailed":
      return pendingLine(firstLine);
    case "ExceededNodeResources":
      return "waiting for a node: none has room now";
    case "ExceededResourceQuota":
      return `waiting for quota: ${firstLine.replace(/^.*?exceeded quota: /, "")}`;
    default:
      return firstLine ? `${reason}: ${firstLine}` : reason;
  }
}

function pendingLine(message: string): string {
  const [, type, cause] = podCondition.exec(message) ?? [];
  if (type === "PodScheduled" && cause) return `waiting for a node: ${cause}`;
  const [, step, problem] = stepWaits.exec(message) ?? [];
  if (step) return `step ${step} does not start: ${problem}`;
  return type || message === "Pending" || message === "" ? "Pending" : `Pending: ${message}`;
}
