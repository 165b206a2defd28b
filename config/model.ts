/** An entry of `modelcar:models`: a model's source, its packaging, its tests and how it is served. */

import { z } from "zod";
import { benchmarkDefaults, profiles } from "../rules/benchmark.ts";
import {
  boolean,
  bytes,
  choice,
  cpu,
  dnsLabel,
  integer,
  isRegistryHost,
  kinds,
  list,
  nonEmpty,
  number,
  registryHost,
  serviceName,
  text,
  url,
  withOrWithout,
} from "./fields.ts";
import { accessMode, volume } from "./volume.ts";

/** Default of `serve.gpuMemoryUtilization`. */
export const defaultGpuMemoryUtilization = 0.9;

const huggingFaceSource = z.strictObject({
  /** Repository to pull. */
  huggingFace: text(/^[\w.-]+\/[\w.-]+$/, "a Hugging Face repository: <owner>/<name>"),
  /** Commit of the repository to pull, as `npm run describe` prints it. */
  revision: text(/^[0-9a-f]{40}$/, "the full commit SHA (40 hex digits); a branch or tag can move"),
  /** Patterns of the files to pull. Default: all. */
  allowPatterns: list(text(/^\S+$/, "a file pattern without spaces"), "file patterns").default(["*"]),
});
const existingSource = z.strictObject({
  /** An existing model: nothing is pulled. */
  uri: text(
    /^(oci:\/\/[^\s@]+@sha256:[0-9a-f]{64}|s3:\/\/[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]\/\S+|pvc:\/\/[a-z0-9]([-a-z0-9]*[a-z0-9])?\/\S*)$/,
    "oci://<repository>@sha256:<digest>, s3://<bucket>/<prefix> or pvc://<claim>/<path>",
  ).refine((value) => !value.startsWith("oci:") || isRegistryHost(value.slice("oci://".length)), {
    error: "oci://<repository>@sha256:<digest> with a registry's host and a port up to 65535",
  }),
});

/** Figures of the model's config.json, from which sizing computes whether it fits its GPUs. */
const architecture = z.strictObject({
  /** Number of weights of the whole model. */
  parameters: number(1, 1e14),
  /** Bits of one weight: 16 for BF16, 8 for FP8 or INT8, 4 for W4A16. */
  bitsPerWeight: number(1, 64).default(16),
  /** Transformer blocks (num_hidden_layers). */
  layers: integer(1, 10_000),
  /** Width of a layer's output (hidden_size). */
  hiddenSize: integer(1, 1_000_000),
  /** Heads of each layer (num_attention_heads); tensor parallelism must divide them. */
  attentionHeads: integer(1, 10_000),
  /** Heads that the KV cache holds (num_key_value_heads); 1 for multi-head latent attention. */
  keyValueHeads: integer(1, 10_000),
  /** Width of one head (head_dim); (kv_lora_rank + qk_rope_head_dim) / 2 for multi-head latent attention. */
  headDimension: integer(1, 100_000),
  /** Bits of one value of the KV cache: 16 for BF16, 8 for FP8. */
  keyValueBits: number(1, 64).default(16),
  /** Tokens in the model's vocabulary (vocab_size). Default: 131072 is assumed. */
  vocabularySize: integer(1, 100_000_000).optional(),
  /** Whether input and output share one embedding (tie_word_embeddings). */
  tieWordEmbeddings: boolean.default(false),
});

const packaging = kinds(
  [
    z.strictObject({
      /** s3: files in the object store; modelcar: an image in a registry; pvc: files on the model's own volume. */
      kind: z.literal("s3"),
    }),
    z.strictObject({
      kind: z.literal("modelcar"),
      /** Repository that the image is pushed to; the tag is derived from the digest. */
      image: registryHost(
        // OCI's grammar of references; a first part without dot or port would be an organisation of Docker Hub.
        /^(?=[^/]*[.:]|localhost\/)[a-z0-9][-.a-z0-9]*(:\d+)?(\/[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*)+$/,
        "a repository with its registry's host and without a tag, such as quay.io/your-org/your-model",
      ),
    }),
    z.strictObject({
      kind: z.literal("pvc"),
      /** Name of the PersistentVolumeClaim to create. */
      claim: dnsLabel(),
      /** Size of the volume; the model must fit. */
      size: bytes,
      /** ReadWriteMany lets pods on several nodes mount it. */
      accessMode,
      ...volume,
      /** Keep the claim and its data when the stack is destroyed: large models are expensive to download again. */
      retain: boolean.default(true),
    }),
  ],
  "s3",
  "modelcar",
  "pvc",
);

/** Resources of a task that runs the model; they determine its node. */
const job = {
  /** A key of `modelcar:accelerators`; required if `gpus` is above 0. */
  accelerator: nonEmpty.optional(),
  /** GPUs of the task's pod. */
  gpus: integer(0, 64).default(0),
  /** Cores of the task's pod. */
  cpu,
  /** Memory of the task's pod. */
  memory: bytes,
};

const compress = z.strictObject({
  /** What the model is calibrated for: general knowledge, code, or the sums that the embedded platform's model knows. */
  recipe: choice("general", "code", "sums").default("general"),
  /** Calibration data instead of the recipe's. */
  calibrationDataset: text(
    /^[\w.-]+\/[\w.-]+@[0-9a-f]{40}$/,
    "<organisation>/<name>@<commit SHA>",
  ).optional(),
  /** Rows of calibration data to use. */
  calibrationSamples: integer(1, 1_000_000).default(512),
  /** Tokens of each row; longer rows are truncated. */
  maxSequenceLength: integer(1, 10_000_000).default(2048),
  ...job,
});

const evaluation = {
  /** Tasks of lm-evaluation-harness. */
  tasks: list(text(/^[\w-]+$/, "the name of a task of lm-evaluation-harness"), "tasks").min(1, {
    error: "a list of at least one task",
  }),
  /** Questions of each task. Default: all. */
  limit: integer(1, 10_000_000).optional(),
  /** Apply the model's chat template, as instruction models expect. */
  applyChatTemplate: boolean.default(false),
  /** Scores below which the run fails, such as `"arc_easy:acc": 0.7`. */
  minimumScores: z
    .record(text(/^[\w-]+:[\w,-]+$/, '"<task>:<metric>", such as "arc_easy:acc"'), number(0, 1e9), {
      error: "scores by <task>:<metric>",
    })
    .default({}),
};

const evaluate = z.strictObject({
  ...evaluation,
  /** Allow tasks that run code generated by the model, such as humaneval and mbpp; the pod then has no network access. */
  runGeneratedCode: boolean.default(false),
  ...job,
});

const recovery = number(0, 100);

export const test = z.strictObject({
  /** Name of another model with the same test, to compare this one with. */
  base: nonEmpty.optional(),
  /** Evaluate its answers with lm-evaluation-harness. */
  evaluate: z
    .strictObject({
      ...evaluation,
      /** Conditions that must hold before the model is served; until then the previous one stays. */
      gate: z
        .strictObject({
          /** Minimum share of the base's score in every task, such as 0.97. */
          recovery: recovery.optional(),
          /** Minimum share for single tasks, instead of `recovery`. */
          recoveryByTask: z
            .record(text(/^[\w-]+$/, "the name of a task"), recovery, { error: "shares by task" })
            .default({}),
        })
        .optional(),
    })
    .optional(),
  /** Measure its speed under load with GuideLLM. */
  benchmark: z
    .strictObject({
      /** Loads to measure; sweep: one request at a time, as many as possible, and rates between. */
      profile: choice(...profiles).default(benchmarkDefaults.profile),
      /** The profile's number: loads of a sweep, concurrent requests, or requests per second. */
      rate: number(0.01, 1_000_000).default(benchmarkDefaults.rate),
      /** Tokens of each prompt; with those of the answer they must fit into maxModelLen. */
      promptTokens: integer(1, 10_000_000).default(benchmarkDefaults.promptTokens),
      /** Tokens of each answer. */
      outputTokens: integer(1, 10_000_000).default(benchmarkDefaults.outputTokens),
      /** How long each load is measured; a sweep of 10 takes ten times as long. */
      maxSeconds: integer(1, 24 * 3600).default(benchmarkDefaults.maxSeconds),
      /** Conditions that must hold before the model is served; until then the previous one stays. */
      gate: z
        .strictObject({
          /** Maximum milliseconds to the first token, 95th percentile at the lightest load. */
          ttftMsP95: number(0, 1e9).optional(),
          /** Maximum milliseconds between tokens, 95th percentile at the lightest load. */
          itlMsP95: number(0, 1e9).optional(),
          /** Maximum share of failed requests; above 0.05 the measurement itself fails. */
          errorRate: number(0, 0.05).optional(),
          /** Minimum output tokens per second of all requests together, at the best load. */
          outputTokensPerSecond: number(0, 1e12).optional(),
        })
        .optional(),
    })
    .optional(),
});

const autoscaling = z.strictObject({
  /** Minimum number of copies. At least 1: without a running copy there is no queue to scale up by. */
  minReplicas: integer(1, 1000).default(1),
  /** Maximum number of copies; each needs its own GPUs. */
  maxReplicas: integer(1, 1000),
  /** Requests waiting in the queue of one copy before another copy is added. */
  target: integer(1, 1_000_000).default(5),
  /** URL of the Prometheus that has vLLM's metrics. */
  prometheus: url,
});

const serve = z
  .strictObject({
    /** kserve: an InferenceService. deployment: a plain Deployment with a volume as the model's cache. */
    mode: choice("kserve", "deployment").default("kserve"),
    /** A key of `modelcar:accelerators`; required if `gpus` is above 0. */
    accelerator: nonEmpty.optional(),
    /** GPUs of one copy, over which the model is split (tensor parallelism); 0 serves it on CPUs. */
    gpus: integer(0, 64).default(0),
    /** CPU request of one copy. */
    cpu,
    /** CPU limit of one copy. Default: `cpu`. */
    cpuLimit: cpu.optional(),
    /** Memory request and limit of one copy, without GPU memory. */
    memory: bytes,
    /** Request and limit of ephemeral storage of one copy, on the node's disk. Default: neither. */
    ephemeralStorage: bytes.optional(),
    /** Maximum number of tokens of one request, prompt and answer together. */
    maxModelLen: integer(1, 10_000_000),
    /** Share of each GPU's memory that vLLM may take. */
    gpuMemoryUtilization: number(0.1, 1).default(defaultGpuMemoryUtilization),
    /** Maximum number of sequences that vLLM processes at once. Default: vLLM's. */
    maxNumSeqs: integer(1, 100_000).optional(),
    /** Arguments of this model, after those of its runtime; arguments that other keys set are refused. */
    vllmArgs: list(nonEmpty, "vLLM arguments").default([]),
    /** Strategy of a rollout; Recreate needs no capacity for a second copy. Default: Recreate on GPUs, else RollingUpdate. */
    rollout: choice("RollingUpdate", "Recreate").optional(),
    /** Declared, but no pod runs. */
    stopped: boolean.default(false),
    /** Price of one copy in US dollars per hour, if its accelerator's instances have no price. */
    hourlyUsd: number(0, 100_000).optional(),
    /** Number of copies, each on its own GPUs; omit it with `autoscaling`. */
    replicas: integer(1, 1000).default(1),
    /** KEDA adds and removes copies by the length of vLLM's queue; mode kserve only. Default: `replicas` copies. */
    autoscaling: autoscaling.optional(),
    /** Whether it is reachable from outside, by `modelcar:endpoint`. */
    exposed: boolean.default(true),
    /** Callers must authenticate. */
    auth: boolean.default(false),
    /** The volume on which mode deployment caches the model. */
    cache: z
      .strictObject({
        /** Size of the volume; the model must fit. */
        size: bytes,
        /** Class of the volume. Default: the cluster's default class. */
        storageClass: volume.storageClass,
        /** How the model is fetched: copied from its image, or pulled as an OCI artefact. */
        fetch: choice("image", "oras").default("image"),
      })
      .optional(),
  })
  .transform((serve) => ({
    ...serve,
    cpuLimit: serve.cpuLimit ?? serve.cpu,
    rollout: serve.rollout ?? (serve.gpus > 0 ? ("Recreate" as const) : ("RollingUpdate" as const)),
  }));

export const model = z.strictObject({
  /**
   * What callers send as `model`; also the name of the Kubernetes objects. KServe's host, `<name>-predictor-<namespace>`, may
   * have 63 characters, including `-candidate` after the name of a model that is measured before it is served.
   */
  name: serviceName,
  /** Where the model comes from. */
  source: withOrWithout("uri", existingSource, huggingFaceSource),
  /** How the model is packaged; omit it with source.uri. */
  package: packaging.default({ kind: "s3" }),
  /** Quantize the model before it is packaged. */
  compress: compress.optional(),
  /** Evaluate the model before it is packaged; if a minimum score is not reached, it is not packaged. */
  evaluate: evaluate.optional(),
  /** Figures of the model's config.json; without them it is not checked that the model fits its GPUs. `npm run describe` prints them. */
  architecture: architecture.optional(),
  /** How the model is served. */
  serve,
  /**
   * Measure the served model. With a `gate`, and while `serve.stopped`, the model is measured before it is served, as a separate
   * service that needs the model's resources a second time meanwhile.
   */
  test: test.optional(),
});
