/** Configuration of a model that its pipeline runs use. */

/** Where a model comes from: a repository of the hub at one commit, and which of its files. */
export interface HubSource {
  readonly huggingFace: string;
  readonly revision: string;
  readonly allowPatterns: readonly string[];
}

/** Resources of a task that runs a model; they differ between models. */
export interface JobSpec {
  /** A key of the accelerators; required if `gpus` is above 0. */
  readonly accelerator?: string | undefined;
  readonly gpus: number;
  readonly cpu: string;
  readonly memory: string;
}

/** How a model is compressed. */
export interface CompressSpec extends JobSpec {
  readonly recipe: string;
  /** Default: the recipe's. */
  readonly calibrationDataset?: string | undefined;
  readonly calibrationSamples: number;
  readonly maxSequenceLength: number;
}

/** How a model is evaluated before it is packaged. */
export interface EvaluateSpec extends JobSpec {
  readonly tasks: readonly string[];
  /** Questions of each task. Default: all. */
  readonly limit?: number | undefined;
  readonly applyChatTemplate: boolean;
  /** Lowest scores by "<task>:<metric>". */
  readonly minimumScores: Readonly<Record<string, number>>;
  readonly runGeneratedCode: boolean;
}

/** The tests of a model. */
export interface TestSpec {
  readonly evaluate?:
    | {
        readonly tasks: readonly string[];
        readonly limit?: number | undefined;
        readonly applyChatTemplate: boolean;
        readonly minimumScores: Readonly<Record<string, number>>;
      }
    | undefined;
  readonly benchmark?:
    | {
        readonly profile: string;
        readonly rate: number;
        readonly promptTokens: number;
        readonly outputTokens: number;
        readonly maxSeconds: number;
      }
    | undefined;
}
