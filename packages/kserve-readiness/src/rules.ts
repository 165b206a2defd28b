/** What of a rollout may pass, and for how long. */
export const rolloutRules = {
  /** Seconds in which admission lets in no pod: an old one may have to leave the quota. */
  admissionSeconds: 60,
  /** Seconds in which KServe refuses: it tries again, and what it says may be of an earlier attempt or of a webhook that starts anew. */
  refusalSeconds: 20,
  /** Reasons of conditions with which KServe says that it could not make the objects. */
  refusals: ["ReconcileFailed", "InvalidGPUAllocation"],
} as const;
