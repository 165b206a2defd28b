/** What is declared of each model, and in which order its life goes. */
import type { Config, Model } from "../config/config.ts";
import type { RunSettings } from "../pipelines/run-settings.ts";
import { modelAddress } from "../rules/addresses.ts";
import { authenticationOf, isManagedByOpenShiftAi } from "../rules/authentication.ts";
import { candidateName, isCompared, needsCandidate } from "../rules/candidate.ts";
import type { DeploymentMode } from "../rules/deployment-mode.ts";
import { modelPlacement } from "../sizing/placement.ts";
import { importRun, type PulledModel, packagingRun, queueOf } from "./model-runs.ts";
import { isPulledWithoutTls } from "./registries.ts";
import { runtimeOf } from "./runtimes.ts";

/** Who makes a model's way in from outside: OpenShift AI its Route, the stack a Route, Ingress or HTTPRoute, or nobody. */
export type Exposure = "none" | "byOpenShiftAi" | "byStack";

/** The plan of every model, bases before the models that are compared with them. */
export function planModels(config: Config, settings: RunSettings, mode: DeploymentMode) {
  return basesFirst(config.models).map((model) => ({
    model,
    /** The model that it is compared with. */
    base: model.test?.base,
    /** Whether it is compared with a base or has gates. */
    compared: isCompared(model),
    /** InferenceService under which it is measured before it is served; undefined if it is measured where it is served. */
    candidate: needsCandidate(model) ? candidateName(model.name) : undefined,
    /** The queue for its runs that hold GPUs. */
    queue: queueOf(model, config.models),
    /** The run that brings it; undefined if it is already stored somewhere. */
    importRun: importOf(model, config, settings),
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

function serviceOf(model: Model, config: Config, settings: RunSettings, deploymentMode: DeploymentMode) {
  const { platform, namespace, endpoint, images } = config;
  return {
    /** URL of its Service inside the cluster. */
    address: modelAddress(namespace, model),
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

/** What of a model's service OpenShift AI makes, and what is left to the stack. */
export function platformShare(
  model: {
    readonly name: string;
    readonly serve: Pick<Model["serve"], "mode" | "auth" | "exposed">;
  },
  { platform, endpoint, monitoring }: PlatformSettings,
) {
  const isManaged = isManagedByOpenShiftAi(platform, model);
  const isExposed = model.serve.exposed && endpoint.exposure !== "none";
  const exposure: Exposure = !isExposed
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
