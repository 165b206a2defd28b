/** How a model's speed is measured where nothing else is said. */

/** Loads that GuideLLM knows. */
export const profiles = ["sweep", "synchronous", "throughput", "concurrent", "constant", "poisson"] as const;

export const benchmarkDefaults = {
  profile: "sweep",
  /** What the profile takes: loads of a sweep. */
  rate: 10,
  /** Of each prompt, and of each answer. */
  promptTokens: 256,
  outputTokens: 128,
  /** Of each load. */
  maxSeconds: 180,
} as const;
