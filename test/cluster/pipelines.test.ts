/**
 * The pipelines end to end, with real libraries on a tiny model: pulled, quantized by GPTQ, evaluated, packed into an image, pushed,
 * registered, served from that image, evaluated and measured once more at its endpoint, published. The tests stand in the order
 * in which they run; each goes on from the one before.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gatewayUrl } from "../../local/chat.ts";
import { gatewayPort } from "../../local/paths.ts";
import { configure, kubeconfig, list, outputs, project, pulumi, script, stateDirectory } from "./platform.ts";

const namespace = "private-ai-demo";
const imageRegistry = "registry.oci-registry.svc.cluster.local:5000";
const gateway = `http://127.0.0.1:${gatewayPort}`;

// biome-ignore lint/suspicious/noExplicitAny: configs are of any shape.
function packed(config: any): void {
  const [sums] = config["modelcar:models"];
  config["modelcar:project"] = { podSecurity: "baseline" };
  config["modelcar:imageRegistry"] = { server: imageRegistry, plainHttp: true };
  config["modelcar:models"] = [sums];
  const job = { cpu: "1", memory: "4Gi" };
  Object.assign(sums, {
    package: { kind: "modelcar", image: `${imageRegistry}/models/sums` },
    compress: { ...job, recipe: "sums" },
    evaluate: { ...job, tasks: ["sums"], limit: 40, minimumScores: { "sums:exact_match": 0.9 } },
    test: {
      evaluate: { tasks: ["sums"], limit: 20 },
      benchmark: { profile: "sweep", rate: 3, promptTokens: 32, outputTokens: 8, maxSeconds: 6 },
    },
  });
  // Room beside it for the tasks that ask it.
  sums.serve.cpu = "250m";
}

/** Customary names of tasks that ran, with the reason of their end. */
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

const numberIn = (property: Record<string, unknown> | undefined) =>
  Object.entries(property ?? {}).find(([key]) => key !== "metadataType")?.[1];

const runNames = async () =>
  (await list("pipelineruns", "-n", namespace)).map(({ metadata }) => metadata.name).sort();

beforeAll(async () => {
  configure(packed);
  expect((await script("local", "delete")).status).toBe(0);
});

afterAll(async () => {
  await script("local", "delete");
});

describe("a model that is compressed, evaluated, packed, served and tested", () => {
  // biome-ignore lint/suspicious/noExplicitAny: typed by the program.
  let sums: any;

  it("answers after one npm start", async () => {
    const start = await script("start");
    expect(start.status).toBe(0);
    expect(start.output).toMatch(/sums: 12/);
    sums = (await outputs()).models.sums;
  });

  it("went through every task that was asked for, and no other", async () => {
    expect(await tasksOf(sums.pipelineRun)).toEqual({
      "check-parameters": "Succeeded",
      "pull-model-from-huggingface": "Succeeded",
      "compress-model": "Succeeded",
      "fetch-evaluation-data": "Succeeded",
      "evaluate-model": "Succeeded",
      "build-and-push-modelcar": "Succeeded",
      "register-with-registry": "Succeeded",
      "cleanup-at-the-end": "Succeeded",
    });
  });

  it("is served from the image that was pushed, by digest", async () => {
    const [, digest] = sums.storageUri.match(/^oci:\/\/.*\/models\/sums@(sha256:[0-9a-f]{64})$/) ?? [];
    const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
    const url = `${gateway}/oci-registry/registry:5000/v2/models/sums/manifests/${digest}`;
    expect((await fetch(url, { headers: { accept } })).status).toBe(200);
    const [service] = await list("inferenceservices", "-n", namespace);
    expect(service.spec.predictor.model.storageUri).toBe(sums.storageUri);
  });

  it("is registered with what it was made of", async () => {
    const properties = await version(sums.modelVersionId);
    const text = JSON.stringify(properties);
    expect(text).toContain(sums.revision);
    expect(text).toContain(sums.pipelineRun);
    expect(text).toContain("W4A16");
    const sizes = ["compression_bytes_before", "compression_bytes_after"].map((key) =>
      Number(numberIn(properties[key])),
    );
    expect(sizes[0]).toBeGreaterThan(0);
    expect(sizes[1]).toBeLessThan(sizes[0] as number);
  });

  it("is measured at its endpoint, and the figures are in the registry as in the stack's outputs", async () => {
    const { measured } = sums;
    expect(measured.scores.sums.exact_match).toBeGreaterThanOrEqual(0.9);
    expect(Number(measured["error-rate"])).toBe(0);
    expect(Number(measured["output-tokens-per-second"])).toBeGreaterThan(1);
    expect(Number(measured["ttft-ms-p95"])).toBeGreaterThan(0);
    const text = JSON.stringify(await version(sums.modelVersionId));
    expect(text).toContain("eval_");
    expect(text).toContain("benchmark_");
    expect(measured["artifacts-uri"]).toMatch(/^s3:\/\/llm-models\/test-results\/sums\/[0-9a-f-]{36}\/$/);
  });

  it("is not made again when nothing has changed", async () => {
    const before = await runNames();
    expect((await pulumi("preview", "--expect-no-changes")).status).toBe(0);
    expect((await script("start")).status).toBe(0);
    expect(await runNames()).toEqual(before);
  });
});

describe("a model that is not good enough", () => {
  it("is not pushed, and the one before goes on serving", async () => {
    const before = await outputs();
    configure((config) => {
      packed(config);
      config["modelcar:models"][0].evaluate.minimumScores = { "sums:exact_match": 1.1 };
    });
    const up = await pulumi("up", "--yes", "--skip-preview");
    expect(up.status).not.toBe(0);
    expect(up.output).toMatch(/evaluate-model/);
    expect(up.output).toMatch(/exact_match.*1\.1/);
    const newest = (await runNames()).find(
      (name) => name.startsWith("modelcar-") && name !== before.models.sums.pipelineRun,
    );
    const tasks = await tasksOf(newest as string);
    expect(tasks["evaluate-model"]).toBe("Failed");
    expect(tasks).not.toHaveProperty("build-and-push-modelcar");
    const [service] = await list("inferenceservices", "-n", namespace);
    expect(service.spec.predictor.model.storageUri).toBe(before.models.sums.storageUri);
    expect(service.status.conditions.find(({ type }: { type: string }) => type === "Ready").status).toBe(
      "True",
    );
  });
});

describe("the pipelines command", () => {
  /** Runs it on the stack as it is, and returns its exit status and what it said. */
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

  it("makes, deploys and measures a model without Pulumi", async () => {
    const params = {
      MODEL_NAME: "Sums_CLI.v1",
      OCI_IMAGE: `${imageRegistry}/models/sums-cli:1`,
      MINIMUM_SCORES: "",
      DEPLOY_MODEL: "true",
      SERVING_RUNTIME: "vllm-cpu",
      MODEL_SERVICE_ACCOUNT: "modelcar-serving",
      GPUS: "0",
      CPU: "200m",
      MEMORY: "3Gi",
      MAX_MODEL_LEN: "256",
      VLLM_ARGS: "--max-num-seqs=8",
      GUIDELLM_EVALUATE_MODEL: "true",
      PROFILE: "synchronous",
      PROMPT_TOKENS: "32",
      OUTPUT_TOKENS: "8",
      MAX_SECONDS: "6",
    };
    const flags = Object.entries(params).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
    const { status, output } = await command("run-modelcar", "sums", ...flags);
    expect(output).toMatch(/publish-test-results-v2: Succeeded/);
    expect(status).toBe(0);
    const names = (await list("inferenceservices", "-n", namespace)).map(({ metadata }) => metadata.name);
    expect(names).toContain("sums-cli-v1");
  });

  it("names every wrong param at once, and the run does nothing", async () => {
    const wrong = { SKIP_TASKS: "compress", MAX_MODEL_LEN: "many", DEPLOY_MODEL: "yes" };
    const flags = Object.entries(wrong).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
    const { status, output } = await command("run-modelcar", "sums", ...flags);
    expect(status).toBe(1);
    for (const name of Object.keys(wrong)) expect(output).toContain(name);
    expect(output).not.toMatch(/pull-model-from-huggingface: Running/);
  });
});
