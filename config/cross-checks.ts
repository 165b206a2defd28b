/** Checks across keys. They read raw values, so that these mistakes are reported together with all others. */
import { isManagedByOpenShiftAi } from "../rules/authentication.ts";
import { isCompared } from "../rules/candidate.ts";
import { sharedClaim } from "../rules/names.ts";
import { bucket } from "./fields.ts";
import { names } from "./names.ts";
import type { Raw, Report } from "./raw.ts";
import { registryNamespace, type SecretName } from "./schema.ts";
import { tests } from "./test-checks.ts";
import { refusedArguments } from "./vllm-arguments.ts";

/** Reports every contradiction between keys; `secrets` are the secret keys that are set. */
export function crossChecks(raw: Raw, secrets: ReadonlySet<SecretName>, report: Report): void {
  const models: Raw[] = Array.isArray(raw.models) ? raw.models : [];
  namespaces(raw, report);
  names(raw, report);
  logins(raw, secrets, report);
  exposure(raw, report);
  dashboards(raw, report);
  images(raw, models, report);
  claims(models, report);
  chat(raw, models, report);
  for (const [index, model] of models.entries()) {
    if (typeof model !== "object" || model === null) continue;
    uniqueName(models, index, report);
    for (const part of ["serve", "compress", "evaluate"]) accelerators(raw, model, index, part, report);
    runs(model, index, report);
    tests(models, index, report);
    serving(raw, model, index, report);
    args(model.serve?.vllmArgs, ["models", index, "serve", "vllmArgs"], report);
  }
  for (const [name, runtime] of Object.entries<Raw>(raw.servingRuntimes ?? {})) {
    args(runtime?.args, ["servingRuntimes", name, "args"], report);
  }
}

function namespaces(raw: Raw, report: Report): void {
  const used = new Map<string, string>();
  const check = (path: string[], namespace: unknown) => {
    if (typeof namespace !== "string" || namespace === "") return;
    const other = used.get(namespace);
    if (other) report(path, `"${namespace}" must differ from ${other}`);
    else used.set(namespace, `modelcar:${path.join(".")}`);
  };
  check(["namespace"], raw.namespace);
  if (raw.objectStore?.endpoint === undefined) {
    check(["objectStore", "namespace"], raw.objectStore?.namespace ?? "model-storage");
  }
  if (raw.registry?.kind === "own" && raw.platform === "kubernetes") {
    check(["registry", "namespace"], raw.registry.namespace ?? registryNamespace.kubernetes);
  }
}

function logins(raw: Raw, secrets: ReadonlySet<SecretName>, report: Report): void {
  const need = (name: SecretName, when: boolean, condition: string) => {
    if (when && !secrets.has(name)) {
      report([name], `missing; required ${condition}: pulumi config set --secret modelcar:${name}`);
    }
    if (!when && secrets.has(name)) report([name], `is set, but used only ${condition}`);
  };
  const existing = raw.objectStore?.endpoint !== undefined;
  if (existing) {
    need("objectStoreAccessKey", true, "with modelcar:objectStore.endpoint");
    need("objectStoreSecretKey", true, "with modelcar:objectStore.endpoint");
  } else if (secrets.has("objectStoreAccessKey") !== secrets.has("objectStoreSecretKey")) {
    const missing = secrets.has("objectStoreAccessKey") ? "objectStoreSecretKey" : "objectStoreAccessKey";
    report([missing], "missing; set both of MinIO's keys, or neither to have them generated");
  }
  need(
    "imageRegistryPassword",
    raw.imageRegistry?.username !== undefined,
    "with modelcar:imageRegistry.username",
  );
  const withToken = raw.registry?.kind === "url" && raw.registry.auth === "token";
  need("modelRegistryToken", withToken, "with modelcar:registry.auth: token");
  if (raw.platform === "kubernetes" && raw.registry?.kind === "existing") {
    report(
      ["registry", "kind"],
      `"existing" is a ModelRegistry of OpenShift AI; on Kubernetes use url or own`,
    );
  }
}

function exposure(raw: Raw, report: Report): void {
  const { exposure, domain, gateway } = raw.endpoint ?? {};
  if (exposure === "route" && raw.platform === "kubernetes") {
    report(["endpoint", "exposure"], `"route" needs OpenShift; on Kubernetes use ingress or gateway`);
  }
  if ((exposure === "ingress" || exposure === "gateway") && domain === undefined) {
    report(["endpoint", "domain"], `missing; ${exposure} needs the domain of the models' hosts`);
  }
  if (exposure === "gateway" && gateway === undefined) {
    report(["endpoint", "gateway"], "missing; set it to the Gateway's { name, namespace }");
  }
}

function dashboards({ platform, monitoring }: Raw, report: Report): void {
  if (monitoring?.dashboard !== "openshiftConsole") return;
  if (platform === "kubernetes") {
    report(["monitoring", "dashboard"], '"openshiftConsole" needs OpenShift; on Kubernetes use Grafana');
  }
  if (monitoring.dashboardNamespace !== undefined) {
    const path = ["monitoring", "dashboardNamespace"];
    report(path, "must be omitted: OpenShift's console reads dashboards only in openshift-config-managed");
  }
}

function images(raw: Raw, models: Raw[], report: Report): void {
  const need = (name: string, when: boolean, why: string) => {
    if (when && !raw.images?.[name]) report(["images", name], `missing; ${why} needs this image by digest`);
  };
  need("minio", raw.objectStore?.endpoint === undefined, "the stack's own object store");
  const own = raw.registry?.kind === "own";
  need("modelRegistry", own && raw.platform === "kubernetes", "the stack's own model registry");
  need("mariadb", own, "the stack's own model registry");
  const onGpus = (model: Raw) => model?.serve?.gpus > 0;
  need("vllm-cuda", models.some(onGpus), "a model on GPUs");
  need(
    "vllm-cpu",
    models.some((model) => model?.serve && !onGpus(model)),
    "a model without GPUs",
  );
  const oras = models.some((model) => model?.serve?.cache?.fetch === "oras");
  need("oras", oras, "serve.cache.fetch: oras");
  need("anythingllm", raw.chat !== undefined, "modelcar:chat");
  const packs = models.some(isPacked);
  const tested = models.some((model) => model?.test !== undefined);
  const pipelines = packs ? "package.kind: modelcar" : "test";
  need("compress", packs, pipelines);
  need("modelcarBase", packs, pipelines);
  need("evaluate", packs || tested, pipelines);
  need("guidellm", packs || tested, pipelines);
  if (raw.images?.buildah && raw.project?.existing !== true && raw.project?.podSecurity !== "baseline") {
    report(
      ["project", "podSecurity"],
      "must be baseline with images.buildah: a restricted pod may not create the user namespace that Buildah builds in",
    );
  }
  const judged = models.some((model) => isCompared(model ?? {}));
  need("report", judged, "a test with base or gate");
}

function chat({ chat }: Raw, models: Raw[], report: Report): void {
  if (typeof chat?.model !== "string") return;
  const model = models.find((candidate) => candidate?.name === chat.model);
  const names = models.map((candidate) => candidate?.name).join(", ");
  if (!model)
    report(["chat", "model"], `"${chat.model}" must be the name of one of modelcar:models (${names})`);
  else if (model.serve?.stopped === true) {
    report(["chat", "model"], `"${chat.model}" is stopped: a chat UI needs a running model`);
  }
}

const isPacked = (model: Raw) => model?.package?.kind === "modelcar";

function claims(models: Raw[], report: Report): void {
  const used = new Map<string, string>([[sharedClaim, "the volume of the pipelines"]]);
  for (const [index, model] of models.entries()) {
    const claim = model?.package?.claim;
    if (model?.package?.kind !== "pvc" || typeof claim !== "string") continue;
    const other = used.get(claim);
    if (other) report(["models", index, "package", "claim"], `"${claim}" is already ${other}`);
    else used.set(claim, `the claim of models[${index}]`);
  }
}

function uniqueName(models: Raw[], index: number, report: Report): void {
  const name = models[index].name;
  const first = models.findIndex((other) => other?.name !== undefined && other.name === name);
  const path = ["models", index, "name"];
  if (first >= 0 && first < index) report(path, `"${name}" is also the name of models[${first}]`);
  // KServe names its Deployment and Service <name>-predictor.
  const clash = models.findIndex((other) => other?.name && `${other.name}-predictor` === name);
  if (clash >= 0) report(path, `"${name}" is KServe's name for the Service of models[${clash}]`);
}

function accelerators(raw: Raw, model: Raw, index: number, part: string, report: Report): void {
  const at = (key: string) => ["models", index, part, key];
  const known = Object.keys(raw.accelerators ?? {}).join(", ") || "none yet";
  const { gpus, accelerator } = model[part] ?? {};
  const onGpus = Number.isInteger(gpus) && gpus > 0;
  if (onGpus && accelerator === undefined) {
    report(at("accelerator"), `missing; ${gpus} GPUs need a key of modelcar:accelerators (${known})`);
  }
  if (typeof accelerator !== "string") return;
  const instances = raw.accelerators?.[accelerator]?.instances;
  if (!instances) {
    report(at("accelerator"), `"${accelerator}" must be a key of modelcar:accelerators (${known})`);
    return;
  }
  const sizes = Object.values<Raw>(instances).map((instance) => instance?.gpus ?? 0);
  const largest = Math.max(0, ...sizes);
  if (onGpus && largest > 0 && gpus > largest) {
    report(
      at("gpus"),
      `${gpus} must be at most ${largest}, the GPUs of the largest instance with ${accelerator}`,
    );
  }
}

function serving(raw: Raw, model: Raw, index: number, report: Report): void {
  const at = (...keys: string[]) => ["models", index, ...keys];
  const { mode, cache, autoscaling, replicas } = model.serve ?? {};
  const uri: unknown = model.source?.uri;
  const kserve = mode === undefined || mode === "kserve";
  const restricted = raw.project?.existing !== true && raw.project?.podSecurity !== "baseline";
  const image = /^oci:.+@sha256:/.test(String(uri)) || isPacked(model);
  if (kserve && image && raw.platform === "kubernetes" && restricted) {
    report(
      ["project", "podSecurity"],
      `must be baseline for models[${index}]: KServe's modelcar containers do not meet the restricted level`,
    );
  }
  const exposure = raw.endpoint?.exposure ?? "none";
  if (
    model.serve?.auth === true &&
    isManagedByOpenShiftAi(raw.platform, { serve: { mode: kserve ? "kserve" : "deployment", auth: true } }) &&
    /ingress|gateway/.test(exposure)
  ) {
    report(
      ["endpoint", "exposure"],
      `"${exposure}" must be route or none for models[${index}]: OpenShift AI checks tokens behind its own Route`,
    );
  }
  if (uri !== undefined && model.package !== undefined) {
    report(at("package"), "must be omitted: a model with source.uri is already packaged");
  }
  const [, inBucket] = /^s3:\/\/([^/]+)\/\S/.exec(String(uri)) ?? [];
  const ours = bucket.safeParse(raw.objectStore?.bucket);
  if (inBucket && ours.success && inBucket !== ours.data) {
    report(at("source", "uri"), `"${uri}" must be in the bucket ${ours.data} of modelcar:objectStore`);
  }
  if (mode === "deployment") {
    if (!String(uri).startsWith("oci://") && !isPacked(model)) {
      report(
        at("serve", "mode"),
        `"deployment" serves a model image: set source.uri to oci://… or package.kind to modelcar`,
      );
    }
    if (cache === undefined) {
      report(at("serve", "cache"), "missing; mode deployment caches the model on a volume: { size }");
    }
    if (autoscaling !== undefined) {
      report(at("serve", "autoscaling"), "works only with mode kserve: only one pod can mount the cache");
    }
    if (replicas > 1)
      report(
        at("serve", "replicas"),
        `${replicas} must be 1 in mode deployment: only one pod can mount the cache`,
      );
  } else if (cache !== undefined) {
    report(at("serve", "cache"), "works only with mode deployment");
  }
  if (autoscaling !== undefined && replicas !== undefined) {
    report(at("serve", "replicas"), "must be omitted with serve.autoscaling");
  }
  if (autoscaling?.minReplicas > autoscaling?.maxReplicas) {
    report(
      at("serve", "autoscaling", "minReplicas"),
      `${autoscaling.minReplicas} must be at most maxReplicas, ${autoscaling.maxReplicas}`,
    );
  }
}

/** Checks the options of the model's pipeline runs. */
function runs(model: Raw, index: number, report: Report): void {
  const at = (...keys: string[]) => ["models", index, ...keys];
  for (const part of ["compress", "evaluate"]) {
    if (model[part] !== undefined && !isPacked(model)) {
      report(at(part), "works only with package.kind: modelcar, whose pipeline does it");
    }
  }
  if (isPacked(model) && model.serve?.cache?.fetch === "oras") {
    report(at("serve", "cache", "fetch"), '"oras" fetches artefacts; package.kind: modelcar builds images');
  }
}

function args(values: unknown, path: readonly (string | number)[], report: Report): void {
  if (!Array.isArray(values)) return;
  for (const [index, value] of values.entries()) {
    if (typeof value !== "string") continue;
    const flag = value.split("=")[0]?.replaceAll("_", "-") ?? "";
    const key = refusedArguments[flag];
    // Without its value, which may be a secret.
    if (key) report([...path, index], `"${value.split("=")[0]}" must be omitted: it is set by ${key}`);
  }
}
