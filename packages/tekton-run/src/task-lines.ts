/** One line about how a task of a run stands. */
import { duration } from "@modelcar/kubernetes/waiting";
import { secondsOf, succeeded, type TaskRun } from "./tekton-status.ts";

/** Conditions of pods that every start goes through; Tekton reports them as if each were a problem. */
const podCondition = /^pod status "(\w+)":"False"; message: "(.*)"$/s;
const stepWaits = /^build step "(?:step-)?(.*?)" is pending with reason "(.*)"$/s;

/** Whether the task has ended, in whatever way. */
export function hasEnded(taskRun: TaskRun): boolean {
  return ["True", "False"].includes(succeeded(taskRun)?.status ?? "");
}

/** Whether a line of {@link describe} says what keeps a task from starting. */
export const isObstacle = (line: string) =>
  /^waiting for (quota|a node): |^step \S+ does not start: /.test(line);

/** What the TaskRun's condition says, without the noise of an ordinary start; the cause where something is in the way. */
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
