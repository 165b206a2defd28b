/** The plan of each model: its runs and its service. */

import type { Config, Model } from "../config/config.ts";
import type { RunSettings } from "../pipelines/run-settings.ts";
import { modelAddress } from "../rules/addresses.ts";
import { authenticationOf, isManagedByOpenShiftAi } from "../rules/authentication.ts";
import { candidateName, isCompared, needsCandidate } from "../rules/candidate.ts";
import type { DeploymentMode } from "../rules/deployment-mode.ts";
import { externalHost, isExposed } from "../rules/exposure.ts";
import { copyHourlyUsd } from "../sizing/cost.ts";
import { modelPlacement } from "../sizing/placement.ts";
import {
  comparisonRun,
  importRun,
  type PulledModel,
  packagingRun,
  queueOf,
  testingRun,
} from "./model-runs.ts";
import { type Pending, pending } from "./pending.ts";
import { isPulledWithoutTls } from "./registries.ts";
import { runtimeOf, secondsToServe } from "./runtimes.ts";

/** Who exposes a model outside the cluster: OpenShift AI with its Route, the stack with a Route, Ingress or HTTPRoute, or nobody. */
export type Exposure = "none" | "byOpenShiftAi" | "byStack";

/** The plan of every model, bases before the models that are compared with them. */
export function planModels(config: Config, settings: RunSettings, mode: DeploymentMode) {
  return basesFirst(config.models).map((model) => ({
    model,
    /** The model that it is compared with. */
    base: model.test?.base,
    /** Name of the InferenceService that is measured before the model is served; undefined if the served model is measured. */
    candidate: needsCandidate(model) ? candidateName(model.name) : undefined,
    /** The queue for its runs that hold GPUs. */
    queue: queueOf(model, config.models),
    /** The run that imports it; undefined for a model with `source.uri`. */
    importRun: importOf(model, config, settings),
    /** The run that tests it; undefined without tests. */
    testRun: testOf(model, config, settings),
    /** The run that compares it with its base and checks its gates; undefined without either. */
    comparisonRun: comparisonOf(model, config, settings),
    service: serviceOf(model, config, settings, mode),
  }));
}

export type ModelPlan = ReturnType<typeof planModels>[number];

/** Bases before the models that are compared with them. */
export function basesFirst<M extends Pick<Model, "test">>(models: readonly M[]): M[] {
  const compared = (model: M) => model.test?.base !== undefined;
  return [...models.filter((model) => !compared(model)), ...models.filter(compared)];
}

function importOf(model: Model, { images }: Config, settings: RunSettings) {
  if ("uri" in model.source) return undefined;
  const pulled: PulledModel = { ...model, source: model.source };
  return model.package.kind === "modelcar"
    ? packagingRun(pulled, settings, {
        repository: model.package.image,
        baseImage: images.modelcarBase ?? "",
      })
    : importRun(pulled, settings);
}

/** A model with tests; its tokenizer is on the hub. */
function isTested(model: Model): model is PulledModel & { readonly test: NonNullable<Model["test"]> } {
  return model.test !== undefined && "huggingFace" in model.source;
}

function testOf(model: Model, config: Config, settings: RunSettings) {
  if (!isTested(model)) return undefined;
  const tested = needsCandidate(model)
    ? {
        name: candidateName(model.name),
        inferenceService: pending("inferenceService"),
        timeoutSeconds: secondsToServe(runtimeOf(model, config)),
      }
    : { url: pending("endpointUrl"), authentication: authenticationOf(config.platform, model) };
  return testingRun({ settings, model, test: model.test, tested });
}

function comparisonOf(model: Model, config: Config, settings: RunSettings) {
  if (!isTested(model) || !isCompared(model)) return undefined;
  const base = config.models.find(({ name }) => name === model.test.base);
  const side = (
    { name, source, compress, serve }: PulledModel,
    storageUri: Pending,
    artifactsUri: Pending,
  ) => {
    const hourlyUsd = copyHourlyUsd(serve, config.accelerators);
    return { name, source, compress, serve, hourlyUsd, storageUri, artifactsUri };
  };
  return comparisonRun({
    settings,
    gates: model.test,
    model: side(model, pending("storageUri"), pending("artifactsUri")),
    base:
      base && isTested(base) ? side(base, pending("baseStorageUri"), pending("baseArtifactsUri")) : undefined,
  });
}

function serviceOf(model: Model, config: Config, settings: RunSettings, deploymentMode: DeploymentMode) {
  const { platform, namespace, endpoint, images } = config;
  return {
    /** URL of its Service inside the cluster. */
    address: modelAddress(namespace, model),
    /** Its host outside the cluster; undefined if it is not exposed or the cluster chooses the host. */
    host: isExposed(endpoint, model.serve) ? externalHost(model.name, namespace, endpoint.domain) : undefined,
    ...platformShare(model, config),
    runtime: runtimeOf(model, config),
    platform,
    namespace,
    context: config.kubeContext,
    pullSecrets: settings.pullSecrets,
    placement: modelPlacement(model.serve, config.accelerators),
    endpoint,
    deploymentMode,
    orasImage: images.oras,
    plainHttp: isPulledWithoutTls(model, config),
  };
}

interface PlatformSettings {
  readonly platform: Config["platform"];
  readonly endpoint: Pick<Config["endpoint"], "exposure">;
  readonly monitoring: Pick<Config["monitoring"], "serviceMonitor" | "labels">;
}

/** Which objects around a model's service OpenShift AI creates, and which ones the stack does. */
export function platformShare(
  model: {
    readonly name: string;
    readonly serve: Pick<Model["serve"], "mode" | "auth" | "exposed">;
  },
  { platform, endpoint, monitoring }: PlatformSettings,
) {
  const isManaged = isManagedByOpenShiftAi(platform, model);
  const exposure: Exposure = !isExposed(endpoint, model.serve)
    ? "none"
    : isManaged && endpoint.exposure === "route"
      ? "byOpenShiftAi"
      : "byStack";
  const { serviceMonitor, labels } = monitoring;
  return {
    authentication: authenticationOf(platform, model),
    exposure,
    monitoring: { serviceMonitor: serviceMonitor && !isManaged, labels },
  };
}
