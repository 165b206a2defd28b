/** Starts a run. */

import { randomUUID } from "node:crypto";
import { ApiError, type Cluster } from "@modelcar/kubernetes/client";
import { persistently } from "@modelcar/kubernetes/retry";
import { outcomeOf, paths, type Run, takeTurn } from "@modelcar/tekton-run/runs";
import type { Config, Model } from "../../config/config.ts";
import type { Pipeline } from "../../pipelines/tekton.ts";
import { modelAddress } from "../../rules/addresses.ts";
import { manifestOf, type Plan, PlanError } from "./plan.ts";
import { type RunView, runsOf } from "./runs.ts";
import { siteOf } from "./site.ts";

/** Identifies a request to create a run, because the server chooses the run's name. */
const requestLabel = "modelcar/request";

type Print = (line: string) => void;

/**
 * Creates the run. Throws a PlanError if the pipeline is missing or of another version, or if a run of the same pipeline and
 * model is under way.
 */
export async function startRun(
  cluster: Cluster,
  config: Config,
  stack: string,
  plan: Plan,
  print: Print,
): Promise<Run> {
  await requirePipeline(cluster, config, stack, plan);
  await requireNoOther(cluster, config, plan);
  const run = await create(cluster, config, plan, print);
  print(`${run.metadata.name}: started`);
  return run;
}

/** Waits until a queued run may start; returns at once for any other. */
export async function waitForTurn(
  cluster: Cluster,
  config: Config,
  run: Run,
  plan: Plan,
  print: Print,
): Promise<void> {
  const { queue } = plan;
  if (queue) await takeTurn(siteOf(cluster, config.namespace, print), { name: run.metadata.name, queue });
}

async function requirePipeline(cluster: Cluster, config: Config, stack: string, { pipeline, spec }: Plan) {
  const { namespace, kubeContext } = config;
  const path = `/apis/tekton.dev/v1/namespaces/${namespace}/pipelines/${pipeline.name}`;
  const found = await cluster.get<Pipeline>(path);
  const up = `pulumi up --stack ${stack}`;
  if (!found) {
    throw new PlanError(
      `there is no pipeline ${pipeline.name} in namespace ${namespace} of ${kubeContext}: run ${up} first`,
    );
  }
  const taken = found.spec.params?.map(({ name }) => name) ?? [];
  const strangers = spec.params.map(({ name }) => name).filter((name) => !taken.includes(name));
  if (strangers.length > 0) {
    throw new PlanError(
      `pipeline ${pipeline.name} in namespace ${namespace} has no param ${strangers.join(", ")}: it was deployed by another version of this program; run ${up}`,
    );
  }
}

/** Two runs of one pipeline and model would write to the same directories. */
async function requireNoOther(cluster: Cluster, { namespace }: Config, { pipeline, model }: Plan) {
  const runs = await runsOf(cluster, namespace);
  const other = runs.find((run) => outcomeOf(run) === "running" && isOf(run, pipeline.name, model));
  if (!other) return;
  const { name } = other.metadata;
  throw new PlanError(
    `${name} is under way for ${model} and writes to the same place: watch it (monitor-pipeline -r ${name}) or cancel it (cancel ${name})`,
  );
}

function isOf({ spec }: RunView, pipeline: string, model: string): boolean {
  const named = spec?.params?.find(({ name }) => name === "MODEL_NAME")?.value;
  return spec?.pipelineRef?.name === pipeline && named === model;
}

async function create(cluster: Cluster, config: Config, plan: Plan, print: Print): Promise<Run> {
  const { namespace } = config;
  const request = randomUUID();
  const body = manifestOf(config, plan, { [requestLabel]: request });
  let asked = false;
  return persistently(
    async () => {
      if (asked) {
        // The server may have created the run although its response got lost.
        const query = { labelSelector: `${requestLabel}=${request}` };
        const { items } = await cluster.request<{ items: Run[] }>("GET", paths.runs(namespace), { query });
        if (items[0]) return items[0];
      }
      asked = true;
      try {
        return await cluster.request<Run>("POST", paths.runs(namespace), { body });
      } catch (error) {
        throw error instanceof ApiError && error.status === 403 ? withHint(error) : error;
      }
    },
    { print },
  );
}

const withHint = (error: ApiError) =>
  new ApiError(
    error.status,
    `${error.message}\nrunning pipelines requires create, get, list, watch and patch on pipelineruns`,
  );

/** URL of a served model inside the cluster. Throws a PlanError if it is not served. */
export async function endpointOf(cluster: Cluster, config: Config, model: Model): Promise<string> {
  const { namespace } = config;
  if (model.serve.mode !== "kserve") return modelAddress(namespace, model);
  const path = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices/${model.name}`;
  const found = await cluster.get<{ status?: { address?: { url?: string } } }>(path);
  if (!found) {
    throw new PlanError(
      `there is no InferenceService ${model.name} in namespace ${namespace}: run pulumi up first`,
    );
  }
  return found.status?.address?.url ?? modelAddress(namespace, model);
}
