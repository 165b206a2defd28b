/** Defaults of benchmarks. */

/** GuideLLM's load profiles. */
export const profiles = ["sweep", "synchronous", "throughput", "concurrent", "constant", "poisson"] as const;

export const benchmarkDefaults = {
  profile: "sweep",
  /** The profile's number: loads of a sweep. */
  rate: 10,
  /** Tokens of each prompt, and of each answer. */
  promptTokens: 256,
  outputTokens: 128,
  /** Seconds of each load. */
  maxSeconds: 180,
} as const;
