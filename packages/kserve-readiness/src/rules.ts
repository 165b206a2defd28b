/** Problems of a rollout that may pass, and for how long. */
export const rolloutRules = {
  /** Seconds in which no pod is admitted: an old one may have to leave the quota first. */
  admissionSeconds: 60,
  /** Seconds in which KServe refuses: it retries, and the message may be of an earlier attempt or of a restarting webhook. */
  refusalSeconds: 20,
  /** Reasons of conditions that mean that KServe could not create the objects. */
  refusals: ["ReconcileFailed", "InvalidGPUAllocation"],
} as const;
