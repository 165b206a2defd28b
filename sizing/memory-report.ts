/** Findings about one model's memory. */
import { engineArguments } from "./engine-arguments.ts";
import { type Findings, gib, keyPath, oneOf } from "./finding.ts";
import { type MemoryDemand, type MemoryFit, memoryFit, weightBytes } from "./memory.ts";
import { parseQuantity } from "./quantity.ts";
import type { Stack, StackModel } from "./stack.ts";
import { tensorParallelProblems, tensorParallelSizes } from "./tensor-parallel.ts";

export interface MemoryReport extends Findings {
  /** Undefined if memory was not checked. */
  readonly fit?: MemoryFit | undefined;
  /** Why it was not checked. */
  readonly note?: string | undefined;
}

const none: Findings = { errors: [], warnings: [] };

/** Memory of a CUDA context, approximately. vLLM does not start if it is not left free. */
const cudaContext = 2 ** 29;

/** If less than this share of the budget is left, the fit depends on the accuracy of the estimate. */
const closeFit = 0.05;

/** Checks the model at an index of `stack.models`: the memory of its GPUs, or of its pod without GPUs. */
export function memoryReport(stack: Stack, index: number): MemoryReport {
  const model = stack.models[index];
  if (!model) throw new Error(`no models[${index}]`);
  if (!model.architecture) {
    const key = keyPath("models", index, "architecture");
    return { ...none, note: `${model.name}: memory was not checked; it needs ${key}` };
  }
  if (model.serve.gpus === 0) return memoryOfPod(model, index);
  const accelerator = stack.accelerators[model.serve.accelerator ?? ""];
  if (!accelerator) {
    return {
      ...none,
      note: `${model.name}: memory was not checked; "${model.serve.accelerator}" is unknown`,
    };
  }
  const largest = Math.max(...Object.values(accelerator.instances).map(({ gpus }) => gpus));
  const path = (key: string) => keyPath("models", index, "serve", key);
  const problems = tensorParallelProblems(model.architecture, model.serve.gpus);
  if (problems.length > 0) {
    const sizes = oneOf(tensorParallelSizes(model.architecture, largest));
    return {
      ...none,
      errors: [`${path("gpus")}: ${model.serve.gpus} must be ${sizes}: ${problems.join("; ")}`],
    };
  }
  const { demand, unknown } = demandOf(stack, model, accelerator.memory);
  const fit = memoryFit(demand);
  const problem = fit.fits ? [] : [shortage(model, demand, fit, largest, path)];
  // The effect of unknown arguments is not modelled, so a shortage must not be an error.
  const guess = unknown.map((flag) => ` (an estimate that ignores ${flag})`).join("");
  return {
    fit,
    errors: guess ? [] : problem,
    warnings: [...(guess ? problem.map((line) => line + guess) : []), ...closeness(model, demand, fit, path)],
  };
}

function demandOf(stack: Stack, model: StackModel, memory: string) {
  const { serve } = model;
  const args = engineArguments([...stack.servingRuntimes["vllm-cuda"].args, ...serve.vllmArgs]);
  const architecture = model.architecture as NonNullable<StackModel["architecture"]>;
  const demand: MemoryDemand = {
    ...serve,
    architecture: { ...architecture, keyValueBits: args.keyValueBits ?? architecture.keyValueBits },
    acceleratorMemory: parseQuantity(memory),
    maxNumBatchedTokens: args.maxNumBatchedTokens,
    enforceEager: args.enforceEager,
  };
  return { demand, unknown: args.unknown };
}

/** The calculation in one line: vLLM's share of each GPU, and what uses it. */
function arithmetic(demand: MemoryDemand, fit: MemoryFit): string {
  const pool = fit.budget - fit.weights - fit.overhead;
  const sum = `${gib(fit.budget)} (${gib(fit.usable)} × ${demand.gpuMemoryUtilization}) − weights ${gib(fit.weights)} − overhead ${gib(fit.overhead)}`;
  const sequence = `one sequence of ${demand.maxModelLen} tokens takes ${gib(fit.keyValueCache)}`;
  return `on each GPU ${sum} = ${gib(pool)} for the KV cache; ${sequence}`;
}

function shortage(
  model: StackModel,
  demand: MemoryDemand,
  fit: MemoryFit,
  largest: number,
  path: (key: string) => string,
): string {
  const { gpus, maxModelLen } = demand;
  const enough = tensorParallelSizes(demand.architecture, largest).find(
    (size) => memoryFit({ ...demand, gpus: size }).fits,
  );
  if (fit.largestMaxModelLen > 0) {
    const more = enough ? `, or ${path("gpus")} ${enough}` : "";
    return `${path("maxModelLen")}: ${maxModelLen} must be at most ${fit.largestMaxModelLen}${more}: ${arithmetic(demand, fit)}`;
  }
  const would = enough
    ? `${enough} would`
    : `no instance with ${model.serve.accelerator} has enough; it needs fewer bits per weight or a larger GPU`;
  return `${path("gpus")}: ${gpus} is not enough for ${model.name}, ${would}: ${arithmetic(demand, fit)}`;
}

function closeness(
  model: StackModel,
  demand: MemoryDemand,
  fit: MemoryFit,
  path: (key: string) => string,
): string[] {
  const toCuda = fit.usable - fit.budget;
  const utilization =
    toCuda < cudaContext
      ? [
          `${path("gpuMemoryUtilization")}: ${demand.gpuMemoryUtilization} leaves ${gib(toCuda)} of each GPU for CUDA, which needs about ${gib(cudaContext)}; vLLM does not start if that is not free`,
        ]
      : [];
  if (!fit.fits || fit.left > closeFit * fit.budget) return utilization;
  return [
    ...utilization,
    `${path("maxModelLen")}: ${model.name} fits with only ${gib(fit.left)} left, and overhead is an estimate: ${arithmetic(demand, fit)}`,
  ];
}

/** Without GPUs the weights must at least fit into the pod; vLLM adapts its KV cache to the rest. */
function memoryOfPod(model: StackModel, index: number): MemoryReport {
  const { architecture, serve, name } = model;
  const weights = architecture ? weightBytes(architecture) : 0;
  if (weights < parseQuantity(serve.memory)) return none;
  const path = keyPath("models", index, "serve", "memory");
  return {
    ...none,
    errors: [`${path}: "${serve.memory}" must be more than ${gib(weights)}, the weights of ${name}`],
  };
}
