/**
 * The pipelines end to end, with real libraries on a tiny model: the base pulled, served and measured; then quantized by GPTQ,
 * evaluated, packed into an image, pushed, registered, measured as a candidate, compared with the base, judged, and served from
 * that image. The tests run in this order; each continues from the one before, and end.test.ts removes everything.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ask, gatewayUrl } from "../../local/chat.ts";
import { gatewayPort } from "../../local/paths.ts";
import {
  type CommandResult,
  configureWhole,
  kubeconfig,
  list,
  outputs,
  project,
  pulumi,
  script,
  stateDirectory,
} from "./platform.ts";

const namespace = "private-ai-demo";
const imageRegistry = "registry.oci-registry.svc.cluster.local:5000";
const gateway = `http://127.0.0.1:${gatewayPort}`;
/** The same model after half the training. */
const [halfTrained] = JSON.parse(
  readFileSync(join(project, "local/hub/models.json"), "utf8"),
).repositories[0].revisions.map(({ revision }: { revision: string }) => revision);

/** The stack `local`, with an evaluation before packaging and rollouts without a gap. */
// biome-ignore lint/suspicious/noExplicitAny: configs are of any shape.
function evaluated(config: any): void {
  const quantized = compared(config);
  quantized.evaluate = { cpu: "1", memory: "4Gi", tasks: ["sums"], limit: 40 };
  quantized.serve.rollout = "RollingUpdate";
  // For the chat UI that a run deploys.
  config["modelcar:project"].quota = { persistentvolumeclaims: "2", "requests.storage": "20Gi" };
}

// biome-ignore lint/suspicious/noExplicitAny: configs are of any shape.
const compared = (config: any) =>
  config["modelcar:models"].find(({ name }: { name: string }) => name === "sums-quantized");

/** The pipeline tasks that ran, each with the reason of its end. */
async function tasksOf(run: string): Promise<Record<string, string>> {
  const taskRuns = await list("taskruns", "-n", namespace, "-l", `tekton.dev/pipelineRun=${run}`);
  return Object.fromEntries(
    taskRuns.map(({ metadata, status }) => [
      metadata.labels["tekton.dev/pipelineTask"],
      status.conditions[0].reason,
    ]),
  );
}

async function version(id: string): Promise<Record<string, Record<string, unknown>>> {
  const registry = gatewayUrl((await outputs()).modelRegistry, gatewayPort);
  const response = await fetch(`${registry}/api/model_registry/v1alpha3/model_versions/${id}`);
  return ((await response.json()) as { customProperties: Record<string, Record<string, unknown>> })
    .customProperties;
}

const valueIn = (property: Record<string, unknown> | undefined) =>
  Object.entries(property ?? {}).find(([key]) => key !== "metadataType")?.[1];

const runNames = async (prefix = "") =>
  (await list("pipelineruns", "-n", namespace))
    .map(({ metadata }) => metadata.name as string)
    .filter((name) => name.startsWith(prefix))
    .sort();

const services = async () =>
  Object.fromEntries(
    (await list("inferenceservices", "-n", namespace)).map((service) => [service.metadata.name, service]),
  );

/** Keeps asking a model until `work` has ended. */
async function whileAsking<T>(model: string, work: () => Promise<T>) {
  const { url } = (await outputs()).models[model];
  let going = true;
  const answers: string[] = [];
  const failures: string[] = [];
  const asking = (async () => {
    while (going) {
      await ask(gatewayUrl(url, gatewayPort), model, "What is 7 plus 5?").then(
        (answer) => answers.push(answer),
        (error: Error) => failures.push(error.message),
      );
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  })();
  try {
    return { result: await work(), answers, failures };
  } finally {
    going = false;
    await asking;
  }
}

beforeAll(() => configureWhole(evaluated));

describe("a model that is compressed, compared with its base, and served", () => {
  // biome-ignore lint/suspicious/noExplicitAny: typed by the program.
  let sums: any;
  // biome-ignore lint/suspicious/noExplicitAny: typed by the program.
  let quantized: any;
  let start: CommandResult;

  it("answers after one npm start, as its base does", async () => {
    start = await script("start");
    expect(start.status).toBe(0);
    expect(start.output).toMatch(/sums: 12/);
    expect(start.output).toMatch(/sums-quantized: \d+/);
    const { models } = await outputs();
    sums = models.sums;
    quantized = models["sums-quantized"];
  });

  it("is shown beside its base at the end, with the location of the report", () => {
    const end = start.output.slice(start.output.lastIndexOf("accuracy"));
    expect(end).toMatch(/^sums +sums [01]\.\d+ /m);
    expect(end).toMatch(/^sums-quantized +sums [01]\.\d+ +sums \d+\.\d %/m);
    expect(end).toContain(quantized.comparison["report-uri"]);
  });

  it("went through every requested task, and no other", async () => {
    const succeeded = (...tasks: string[]) => Object.fromEntries(tasks.map((task) => [task, "Succeeded"]));
    expect(await tasksOf(quantized.pipelineRun)).toEqual(
      succeeded(
        "check-parameters",
        "pull-model-from-huggingface",
        "compress-model",
        "fetch-evaluation-data",
        "evaluate-model",
        "build-and-push-modelcar",
        "register-with-registry",
        "publish-test-results-v2",
        "cleanup-at-the-end",
      ),
    );
    const measuring = [
      "pull-model-from-huggingface",
      "run-lm-eval-v2",
      "run-guidellm-v2",
      "publish-test-results-v2",
      "cleanup-workspace",
    ];
    const [base, ...otherBases] = await runNames("model-testing-v2-");
    expect(otherBases).toEqual([]);
    expect(await tasksOf(base as string)).toEqual(succeeded(...measuring));
    const [candidate, ...otherCandidates] = await runNames("candidate-testing-");
    expect(otherCandidates).toEqual([]);
    expect(await tasksOf(candidate as string)).toEqual(
      succeeded(...measuring, "deploy-candidate", "remove-model"),
    );
    const [comparison, ...otherComparisons] = await runNames("model-comparison-");
    expect(otherComparisons).toEqual([]);
    expect(await tasksOf(comparison as string)).toEqual(succeeded("compare-models"));
  });

  it("was measured on its own service, of which nothing is left", async () => {
    expect(Object.keys(await services()).sort()).toEqual([
      "mistral-24b",
      "mistral-24b-quantized",
      "sums",
      "sums-quantized",
    ]);
  });

  it("is served from the image that was pushed, by digest", async () => {
    const [, digest] =
      quantized.storageUri.match(/^oci:\/\/.*\/models\/sums-quantized@(sha256:[0-9a-f]{64})$/) ?? [];
    const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
    const url = `${gateway}/oci-registry/registry:5000/v2/models/sums-quantized/manifests/${digest}`;
    expect((await fetch(url, { headers: { accept } })).status).toBe(200);
    const service = (await services())["sums-quantized"];
    expect(service.spec.predictor.model.storageUri).toBe(quantized.storageUri);
  });

  it("is registered with its origin, its measurements and its report", async () => {
    const properties = await version(quantized.modelVersionId);
    const text = JSON.stringify(properties);
    expect(text).toContain(quantized.revision);
    expect(text).toContain(quantized.pipelineRun);
    expect(text).toContain("W4A16");
    expect(text).toContain("eval_");
    expect(text).toContain("benchmark_");
    const [before, after] = ["compression_bytes_before", "compression_bytes_after"].map((key) =>
      Number(valueIn(properties[key])),
    );
    expect(after).toBeGreaterThan(0);
    expect(after).toBeLessThan(before as number);
    expect(valueIn(properties.comparison_report)).toBe(quantized.comparison["report-uri"]);
    expect(String(valueIn(properties.comparison_passed))).toBe("true");
    expect(valueIn((await version(sums.modelVersionId)).weights_bytes)).toBeDefined();
  });

  it("has figures and costs in the stack's outputs", () => {
    for (const { measured, cost } of [sums, quantized]) {
      expect(JSON.parse(measured.scores).sums.exact_match).toBeGreaterThan(0.5);
      expect(Number(measured["error-rate"])).toBe(0);
      expect(Number(measured["output-tokens-per-second"])).toBeGreaterThan(1);
      expect(Number(measured["ttft-ms-p95"])).toBeGreaterThan(0);
      const speed = Number(measured["output-tokens-per-second"]);
      expect(cost.usdPerMillionOutputTokens).toBeCloseTo((0.1 / (speed * 3600)) * 1e6, 6);
    }
    expect(quantized.measured["artifacts-uri"]).toMatch(
      /^s3:\/\/llm-models\/test-results\/sums-quantized\/[0-9a-f-]{36}\/$/,
    );
    const share = (of: typeof sums) => JSON.parse(of.measured.scores).sums.exact_match;
    expect(JSON.parse(quantized.comparison.recovery).sums).toBeCloseTo(share(quantized) / share(sums), 5);
  });

  it("is not made, measured or compared again when nothing has changed", async () => {
    const before = await runNames();
    expect((await pulumi("preview", "--expect-no-changes")).status).toBe(0);
    expect((await script("start")).status).toBe(0);
    expect(await runNames()).toEqual(before);
  });
});

describe("a model that is much worse than its base", () => {
  const halfTrainedFor = (recovery: number) =>
    configureWhole((config) => {
      evaluated(config);
      const quantized = compared(config);
      quantized.source.revision = halfTrained;
      quantized.test.evaluate.gate.recovery = recovery;
    });
  let refused: string[];

  it("gets no traffic: up fails with figure, limit and report, and the previous model keeps answering", async () => {
    const before = await outputs();
    const bases = await runNames("model-testing-v2-");
    // More than the base achieves: on some machines half the training may suffice for all questions.
    halfTrainedFor(1.1);
    const { result, answers, failures } = await whileAsking("sums-quantized", () =>
      pulumi("up", "--yes", "--skip-preview"),
    );
    expect(result.status).not.toBe(0);
    expect(result.output).toMatch(/recovery of sums.* is 0\.\d+ ± .*must be at least 1\.1/);
    expect(result.output).toMatch(/s3:\/\/llm-models\/reports\/sums-quantized\/[0-9a-f-]{36}\/report\.html/);
    expect(failures).toEqual([]);
    expect(answers.length).toBeGreaterThan(20);
    const service = (await services())["sums-quantized"];
    expect(service.spec.predictor.model.storageUri).toBe(before.models["sums-quantized"].storageUri);
    expect(await services()).not.toHaveProperty("sums-quantized-candidate");
    // The base has not changed, so its figures still hold.
    expect(await runNames("model-testing-v2-")).toEqual(bases);
    refused = await runNames();
  });

  it("is served once the config lowers the limit, without being made or measured again", async () => {
    const before = (await services())["sums-quantized"].spec.predictor.model.storageUri;
    halfTrainedFor(0.1);
    const { result, failures } = await whileAsking("sums-quantized", () =>
      pulumi("up", "--yes", "--skip-preview"),
    );
    expect(result.status).toBe(0);
    expect(failures).toEqual([]);
    const after = await runNames();
    const added = after.filter((name) => !refused.includes(name));
    expect(added).toEqual([expect.stringMatching(/^model-comparison-sums-quantized-/)]);
    const service = (await services())["sums-quantized"];
    expect(service.spec.predictor.model.storageUri).not.toBe(before);
    expect((await outputs()).models["sums-quantized"].comparison.passed).toBe("true");
  });
});

describe("the pipelines command", () => {
  /** Runs it on the current stack, and returns its exit status and output. */
  async function command(...args: string[]): Promise<{ status: number; output: string }> {
    const file = join(stateDirectory, "pulumi/Pulumi.local.yaml");
    const child = spawn(
      process.execPath,
      [join(project, "scripts/pipelines.ts"), ...args, "--config-file", file],
      {
        env: { ...process.env, KUBECONFIG: kubeconfig },
      },
    );
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk;
        process.stdout.write(chunk);
      });
    }
    const status = await new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? 1)));
    return { status, output };
  }

  const deployed = {
    MODEL_NAME: "Sums_CLI.v1",
    DEPLOY_MODEL: "true",
    SERVING_RUNTIME: "vllm-cpu",
    MODEL_SERVICE_ACCOUNT: "modelcar-serving",
    GPUS: "0",
    CPU: "500m",
    MEMORY: "3Gi",
    MAX_MODEL_LEN: "256",
    VLLM_ARGS: "--max-num-seqs=8",
  };

  it("makes, deploys and measures a model without Pulumi", async () => {
    const params = {
      OCI_IMAGE: `${imageRegistry}/models/sums-cli:1`,
      COMPRESS_MODEL: "false",
      EVALUATE_MODEL: "false",
      ...deployed,
      GUIDELLM_EVALUATE_MODEL: "true",
      PROFILE: "synchronous",
      PROMPT_TOKENS: "32",
      OUTPUT_TOKENS: "8",
      MAX_SECONDS: "6",
    };
    const flags = Object.entries(params).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
    const { status, output } = await command("run-modelcar", "sums-quantized", ...flags);
    expect(output).toMatch(/publish-test-results-v2: Succeeded/);
    expect(status).toBe(0);
    const names = (await list("inferenceservices", "-n", namespace)).map(({ metadata }) => metadata.name);
    expect(names).toContain("sums-cli-v1");
  });

  it("deploys an existing image, and a chat UI as far as that is possible without its image", async () => {
    const manifest = await fetch(`${gateway}/oci-registry/registry:5000/v2/models/sums-cli/manifests/1`, {
      headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
    });
    const params = {
      HUGGINGFACE_MODEL: "",
      HUGGINGFACE_REVISION: "",
      OCI_IMAGE: `${imageRegistry}/models/sums-cli:1@${manifest.headers.get("docker-content-digest")}`,
      SKIP_TASKS:
        "cleanup-workspace,pull-model-from-huggingface,build-and-push-modelcar,register-with-registry",
      COMPRESS_MODEL: "false",
      EVALUATE_MODEL: "false",
      ...deployed,
      ANYTHINGLLM_IMAGE: `${imageRegistry}/anythingllm@sha256:${"0".repeat(64)}`,
    };
    const flags = Object.entries(params).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
    const { status, output } = await command("run-modelcar", "sums-quantized", ...flags);
    expect(status).toBe(1);
    expect(output).toMatch(/deploy-model: Succeeded/);
    expect(output).toMatch(/deploy-anythingllm[\s\S]*anythingllm@sha256:0+/);
    const there = async (kind: string) =>
      (await list(kind, "-n", namespace)).map(({ metadata }) => metadata.name);
    for (const kind of ["deployments", "services", "persistentvolumeclaims"]) {
      expect(await there(kind), kind).toContain("anything-llm");
    }
  });

  it("names every wrong param at once, and the run does nothing", async () => {
    const wrong = { SKIP_TASKS: "compress", MAX_MODEL_LEN: "many", DEPLOY_MODEL: "yes" };
    const flags = Object.entries(wrong).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
    const { status, output } = await command("run-modelcar", "sums-quantized", ...flags);
    expect(status).toBe(1);
    for (const name of Object.keys(wrong)) expect(output).toContain(name);
    expect(output).not.toMatch(/pull-model-from-huggingface: Running/);
  });
});
