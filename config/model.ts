/** An entry of `modelcar:models`: where a model comes from, how it is kept, how it is served. */

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

/** Share of each GPU's memory that vLLM may take where nothing is said. */
export const defaultGpuMemoryUtilization = 0.9;

const huggingFaceSource = z.strictObject({
  /** Repository that is pulled. */
  huggingFace: text(/^[\w.-]+\/[\w.-]+$/, "a Hugging Face repository: <owner>/<name>"),
  /** The state of the repository that is pulled, as `npm run describe` prints it. */
  revision: text(/^[0-9a-f]{40}$/, "the full commit SHA (40 hex digits); a branch or tag can move"),
  /** Only matching files are pulled. Default: all. */
  allowPatterns: list(text(/^\S+$/, "a file pattern without spaces"), "file patterns").default(["*"]),
});
const existingSource = z.strictObject({
  /** A model that is there already: nothing is pulled. */
  uri: text(
    /^(oci:\/\/[^\s@]+@sha256:[0-9a-f]{64}|s3:\/\/[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]\/\S+|pvc:\/\/[a-z0-9]([-a-z0-9]*[a-z0-9])?\/\S*)$/,
    "oci://<repository>@sha256:<digest>, s3://<bucket>/<prefix> or pvc://<claim>/<path>",
  ).refine((value) => !value.startsWith("oci:") || isRegistryHost(value.slice("oci://".length)), {
    error: "oci://<repository>@sha256:<digest> of a registry's host and a port up to 65535",
  }),
});

/** Figures of the model's config.json, from which sizing tells whether it fits its GPUs. */
const architecture = z.strictObject({
  /** Weights of the whole model. */
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
  /** Tokens that the model knows (vocab_size). Default: 131072 is assumed. */
  vocabularySize: integer(1, 100_000_000).optional(),
  /** Whether input and output share one embedding (tie_word_embeddings). */
  tieWordEmbeddings: boolean.default(false),
});

const packaging = kinds(
  [
    z.strictObject({
      /** s3: files in the object store; modelcar: an image in a registry; pvc: files on a volume of the model's own. */
      kind: z.literal("s3"),
    }),
    z.strictObject({
      kind: z.literal("modelcar"),
      /** Repository that the image is pushed to; its tag is made of its digest. */
      image: registryHost(
        // The grammar of OCI's reference; a first part without dot or port would be an organisation of Docker Hub.
        /^(?=[^/]*[.:]|localhost\/)[a-z0-9][-.a-z0-9]*(:\d+)?(\/[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*)+$/,
        "a repository with its registry's host and without a tag, such as quay.io/your-org/your-model",
      ),
    }),
    z.strictObject({
      kind: z.literal("pvc"),
      /** Name of the PersistentVolumeClaim that is made. */
      claim: dnsLabel(),
      /** Size of the volume; the model must fit. */
      size: bytes,
      /** ReadWriteMany lets pods on several nodes read it. */
      accessMode,
      ...volume,
      /** Weights are dear to fetch again, so the claim is kept unless config says otherwise. */
      retain: boolean.default(true),
    }),
  ],
  "s3",
  "modelcar",
  "pvc",
);

/** What a task that runs the model gets; it decides where that task runs. */
const job = {
  /** A key of `modelcar:accelerators`; needed as soon as `gpus` is above 0. */
  accelerator: nonEmpty.optional(),
  /** GPUs of the task's pod. */
  gpus: integer(0, 64).default(0),
  /** Cores of the task's pod. */
  cpu,
  /** Memory of the task's pod. */
  memory: bytes,
};

const compress = z.strictObject({
  /** What the model is calibrated for: general knowledge, code, or the sums of the embedded platform. */
  recipe: choice("general", "code", "sums").default("general"),
  /** Calibration data instead of the recipe's. */
  calibrationDataset: text(
    /^[\w.-]+\/[\w.-]+@[0-9a-f]{40}$/,
    "<organisation>/<name>@<commit SHA>",
  ).optional(),
  /** Rows of the data that are calibrated on. */
  calibrationSamples: integer(1, 1_000_000).default(512),
  /** Tokens of each row; what is beyond is cut off. */
  maxSequenceLength: integer(1, 10_000_000).default(2048),
  ...job,
});

const evaluation = {
  /** What lm-evaluation-harness asks the model. */
  tasks: list(text(/^[\w-]+$/, "the name of a task of lm-evaluation-harness"), "tasks").min(1, {
    error: "a list of at least one task",
  }),
  /** Questions of each task. Default: all. */
  limit: integer(1, 10_000_000).optional(),
  /** Ask through the model's chat template, as instruction models expect. */
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
  /** Let tasks run what the model wrote, as humaneval and mbpp do; the pod can then reach nothing. */
  runGeneratedCode: boolean.default(false),
  ...job,
});

const recovery = number(0, 100);

export const test = z.strictObject({
  /** Another of `modelcar:models` that is tested alike, and that this one is compared with. */
  base: nonEmpty.optional(),
  /** Ask it questions, as lm-evaluation-harness scores them. */
  evaluate: z
    .strictObject({
      ...evaluation,
      /** What must hold before the model is served, while the one before goes on. */
      gate: z
        .strictObject({
          /** Share of the base's score that must be left in every task, such as 0.97. */
          recovery: recovery.optional(),
          /** The same for single tasks, in place of `recovery`. */
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
      /** What the profile takes: loads of a sweep, requests at once, or requests per second. */
      rate: number(0.01, 1_000_000).default(benchmarkDefaults.rate),
      /** Tokens of each prompt; with those of the answer they must fit maxModelLen. */
      promptTokens: integer(1, 10_000_000).default(benchmarkDefaults.promptTokens),
      /** Tokens of each answer. */
      outputTokens: integer(1, 10_000_000).default(benchmarkDefaults.outputTokens),
      /** How long each load is measured; a sweep of 10 takes ten times as long. */
      maxSeconds: integer(1, 24 * 3600).default(benchmarkDefaults.maxSeconds),
      /** What must hold before the model is served, while the one before goes on. */
      gate: z
        .strictObject({
          /** Most milliseconds to the first token, 95th percentile of the lightest load. */
          ttftMsP95: number(0, 1e9).optional(),
          /** Most milliseconds between tokens, 95th percentile of the lightest load. */
          itlMsP95: number(0, 1e9).optional(),
          /** Largest share of failed requests; beyond 0.05 the measurement itself fails. */
          errorRate: number(0, 0.05).optional(),
          /** Fewest output tokens per second of all requests together, at the best load. */
          outputTokensPerSecond: number(0, 1e12).optional(),
        })
        .optional(),
    })
    .optional(),
});

const autoscaling = z.strictObject({
  /** At least 1: a copy that does not run has no queue that could start it. */
  minReplicas: integer(1, 1000).default(1),
  /** Most copies that run at once; each needs its own GPUs. */
  maxReplicas: integer(1, 1000),
  /** Requests that wait in one replica's queue before another replica is added. */
  target: integer(1, 1_000_000).default(5),
  /** Where the Prometheus answers that has vLLM's metrics. */
  prometheus: url,
});

const serve = z
  .strictObject({
    /** kserve: an InferenceService. deployment: a plain Deployment with a volume as the model's cache. */
    mode: choice("kserve", "deployment").default("kserve"),
    /** A key of `modelcar:accelerators`; needed as soon as `gpus` is above 0. */
    accelerator: nonEmpty.optional(),
    /** GPUs of one copy, over which the model is split (tensor parallelism); 0 serves it on CPUs. */
    gpus: integer(0, 64).default(0),
    /** Cores that one copy is sure to have. */
    cpu,
    /** How much CPU a burst may take. Default: `cpu`. */
    cpuLimit: cpu.optional(),
    /** Main memory of one copy, which it can not exceed; GPU memory is apart. */
    memory: bytes,
    /** Room on the node's own disk that one copy may fill. Default: neither asked for nor bounded. */
    ephemeralStorage: bytes.optional(),
    /** Tokens that one request may have, prompt and answer together. */
    maxModelLen: integer(1, 10_000_000),
    /** Share of each GPU's memory that vLLM may take. */
    gpuMemoryUtilization: number(0.1, 1).default(defaultGpuMemoryUtilization),
    /** Sequences that vLLM works on at once. Default: vLLM's own. */
    maxNumSeqs: integer(1, 100_000).optional(),
    /** Arguments of this model, behind those of its runtime; what other keys decide is refused. */
    vllmArgs: list(nonEmpty, "vLLM arguments").default([]),
    /** How a changed model takes over; Recreate needs no room for a second copy. Default: Recreate on GPUs, else RollingUpdate. */
    rollout: choice("RollingUpdate", "Recreate").optional(),
    /** Declared, but no pod runs. */
    stopped: boolean.default(false),
    /** Price of one copy in US dollars, where no price of its accelerator's instances tells it. */
    hourlyUsd: number(0, 100_000).optional(),
    /** Copies that run, each on GPUs of its own; not beside `autoscaling`. */
    replicas: integer(1, 1000).default(1),
    /** KEDA adds and removes copies by vLLM's queue; mode kserve only. Default: `replicas` copies. */
    autoscaling: autoscaling.optional(),
    /** Reachable from outside as `modelcar:endpoint` says. */
    exposed: boolean.default(true),
    /** Callers must identify themselves. */
    auth: boolean.default(false),
    /** The volume that mode deployment keeps the model on. */
    cache: z
      .strictObject({
        /** Size of the volume; the model must fit. */
        size: bytes,
        /** Class of the volume. Default: the cluster's default class. */
        storageClass: volume.storageClass,
        /** How the model comes there: copied from its image, or pulled as an OCI artefact. */
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
   * What callers put into `model`; also the name of the Kubernetes objects. KServe's host, `<name>-predictor-<namespace>`, may
   * have 63 characters, with `-candidate` behind the name of a model that is measured before it is served.
   */
  name: serviceName,
  /** Where the model comes from. */
  source: withOrWithout("uri", existingSource, huggingFaceSource),
  /** How the model is kept; left out where source.uri names one that is kept already. */
  package: packaging.default({ kind: "s3" }),
  /** Quantize the model before it is packaged. */
  compress: compress.optional(),
  /** Measure the model before it is packaged; one that falls short is not. */
  evaluate: evaluate.optional(),
  /** Figures of the model's config.json; without them nothing tells whether it fits its GPUs. `npm run describe` prints them. */
  architecture: architecture.optional(),
  /** How the model is served. */
  serve,
  /**
   * Measure the model where it is served. With a `gate`, and while `serve.stopped`, it is measured before that as a service
   * of its own, which takes the model's resources once more for that time.
   */
  test: test.optional(),
});
