/** What no single key can tell. Reads raw values, so that these mistakes show beside all others. */
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
  const need = (name: SecretName, when: boolean, why: string) => {
    if (when && !secrets.has(name)) {
      report([name], `missing; ${why}: pulumi config set --secret modelcar:${name}`);
    }
    if (!when && secrets.has(name)) report([name], `is set, but not used: ${why} only`);
  };
  const existing = raw.objectStore?.endpoint !== undefined;
  if (existing) {
    const why = "an object store that exists needs both keys";
    need("objectStoreAccessKey", true, why);
    need("objectStoreSecretKey", true, why);
  } else if (secrets.has("objectStoreAccessKey") !== secrets.has("objectStoreSecretKey")) {
    const missing = secrets.has("objectStoreAccessKey") ? "objectStoreSecretKey" : "objectStoreAccessKey";
    report([missing], `missing; MinIO's keys are set both or neither (then they are generated)`);
  }
  need(
    "imageRegistryPassword",
    raw.imageRegistry?.username !== undefined,
    "modelcar:imageRegistry needs its user's password",
  );
  const withToken = raw.registry?.kind === "url" && raw.registry.auth === "token";
  need("modelRegistryToken", withToken, "modelcar:registry with auth: token needs it");
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
    report(["endpoint", "domain"], `missing; ${exposure} needs the domain that models answer under`);
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
    report(path, "must be left out: OpenShift's console reads dashboards in openshift-config-managed");
  }
}

function images(raw: Raw, models: Raw[], report: Report): void {
  const need = (name: string, when: boolean, why: string) => {
    if (when && !raw.images?.[name]) report(["images", name], `missing; ${why} needs this image by digest`);
  };
  need("minio", raw.objectStore?.endpoint === undefined, "an object store of its own");
  const own = raw.registry?.kind === "own";
  need("modelRegistry", own && raw.platform === "kubernetes", "a model registry of its own");
  need("mariadb", own, "a model registry of its own");
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
      "must be baseline with images.buildah: no restricted pod may make the user namespace that Buildah builds in",
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
    report(["chat", "model"], `"${chat.model}" is stopped: a chat UI needs a model that answers`);
  }
}

const isPacked = (model: Raw) => model?.package?.kind === "modelcar";

function claims(models: Raw[], report: Report): void {
  const used = new Map<string, string>([[sharedClaim, "the volume of the pipelines"]]);
  for (const [index, model] of models.entries()) {
    const claim = model?.package?.claim;
    if (model?.package?.kind !== "pvc" || typeof claim !== "string") continue;
    const other = used.get(claim);
    if (other) report(["models", index, "package", "claim"], `"${claim}" is ${other} already`);
    else used.set(claim, `the claim of models[${index}]`);
  }
}

function uniqueName(models: Raw[], index: number, report: Report): void {
  const name = models[index].name;
  const first = models.findIndex((other) => other?.name !== undefined && other.name === name);
  const path = ["models", index, "name"];
  if (first >= 0 && first < index) report(path, `"${name}" is the name of models[${first}] too`);
  // KServe calls its Deployment and Service <name>-predictor.
  const clash = models.findIndex((other) => other?.name && `${other.name}-predictor` === name);
  if (clash >= 0) report(path, `"${name}" is what KServe calls the Service of models[${clash}]`);
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
      `${gpus} must be at most ${largest}, the most that an instance with ${accelerator} has`,
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
      `must be baseline for models[${index}]: KServe's modelcar containers are not restricted`,
    );
  }
  const exposure = raw.endpoint?.exposure ?? "none";
  if (
    kserve &&
    model.serve?.auth === true &&
    raw.platform === "openshift" &&
    /ingress|gateway/.test(exposure)
  ) {
    report(
      ["endpoint", "exposure"],
      `"${exposure}" must be route or none for models[${index}]: OpenShift AI checks tokens behind its own Route`,
    );
  }
  if (uri !== undefined && model.package !== undefined) {
    report(at("package"), "must be left out: a model with source.uri is packaged already");
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
      report(at("serve", "cache"), "missing; mode deployment keeps the model on a volume: { size }");
    }
    if (autoscaling !== undefined) {
      report(at("serve", "autoscaling"), "works with mode kserve only: the cache is mounted by one pod");
    }
    if (replicas > 1)
      report(
        at("serve", "replicas"),
        `${replicas} must be 1 in mode deployment: the cache is mounted by one pod`,
      );
  } else if (cache !== undefined) {
    report(at("serve", "cache"), "works with mode deployment only");
  }
  if (autoscaling !== undefined && replicas !== undefined) {
    report(at("serve", "replicas"), "must be left out where serve.autoscaling decides");
  }
  if (autoscaling?.minReplicas > autoscaling?.maxReplicas) {
    report(
      at("serve", "autoscaling", "minReplicas"),
      `${autoscaling.minReplicas} must be at most maxReplicas, ${autoscaling.maxReplicas}`,
    );
  }
}

/** What the model's pipeline runs can do. */
function runs(model: Raw, index: number, report: Report): void {
  const at = (...keys: string[]) => ["models", index, ...keys];
  for (const part of ["compress", "evaluate"]) {
    if (model[part] !== undefined && !isPacked(model)) {
      report(at(part), "works with package.kind: modelcar only, whose pipeline does it");
    }
  }
  if (isPacked(model) && model.serve?.cache?.fetch === "oras") {
    report(at("serve", "cache", "fetch"), '"oras" fetches artefacts; package.kind: modelcar makes images');
  }
}

function args(values: unknown, path: readonly (string | number)[], report: Report): void {
  if (!Array.isArray(values)) return;
  for (const [index, value] of values.entries()) {
    if (typeof value !== "string") continue;
    const flag = value.split("=")[0]?.replaceAll("_", "-") ?? "";
    const key = refusedArguments[flag];
    if (key) report([...path, index], `"${value}" must be left out: it is decided by ${key}`);
  }
}
