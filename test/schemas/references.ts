/** What no schema can check: that the names by which objects refer to each other exist. */
import type { Manifest } from "../../local/platform/manifests.ts";

// biome-ignore lint/suspicious/noExplicitAny: a field of any kind.
type Value = any;

interface Reference {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  /** A key that the Secret or ConfigMap must have. */
  readonly key?: string | undefined;
}

/** The name of an object in messages. */
export const nameOf = ({ kind, metadata }: Manifest): string =>
  `${kind} ${metadata.namespace ? `${metadata.namespace}/` : ""}${metadata.name}`;

/**
 * References to objects that are not declared. `existing` names objects that exist independently, as "Kind namespace/name"; each
 * must be referred to. Optional references are left out.
 */
export function danglingReferences(objects: readonly Manifest[], existing: readonly string[]): string[] {
  const declared = new Map([...objects, ...madeByKserve(objects)].map((object) => [nameOf(object), object]));
  const unused = new Set(existing);
  const problems: string[] = [];
  for (const object of objects) {
    for (const reference of referencesOf(object)) {
      const { kind, namespace, name, key } = reference;
      const target = `${kind} ${namespace ? `${namespace}/` : ""}${name}`;
      if (existing.includes(target)) unused.delete(target);
      else if (!declared.has(target)) problems.push(`${nameOf(object)}: ${target} is not declared`);
      else if (key && !keysOf(declared.get(target)).includes(key))
        problems.push(`${nameOf(object)}: ${target} has no key ${key}`);
    }
  }
  return [
    ...problems,
    ...[...unused].map((target) => `${target} is said to exist, but nothing refers to it`),
  ];
}

/** The Deployment and the Service that KServe makes of an InferenceService. */
function madeByKserve(objects: readonly Manifest[]): Manifest[] {
  return objects
    .filter(({ kind }) => kind === "InferenceService")
    .flatMap(({ metadata: { name, namespace } }) =>
      ["Deployment", "Service"].map((kind) => ({
        apiVersion: kind === "Service" ? "v1" : "apps/v1",
        kind,
        metadata: { name: `${name}-predictor`, namespace },
      })),
    );
}

const keysOf = (object: Manifest | undefined): string[] =>
  Object.keys({ ...object?.data, ...object?.stringData, ...object?.binaryData });

/** What a value refers to, by its field. */
const fields: Readonly<Record<string, (value: Value, object: Manifest) => readonly Partial<Reference>[]>> = {
  namespace: (name) => (typeof name === "string" ? [{ kind: "Namespace", name, namespace: undefined }] : []),
  serviceAccountName: (name) => (typeof name === "string" ? [{ kind: "ServiceAccount", name }] : []),
  claimName: (name) => [{ kind: "PersistentVolumeClaim", name }],
  secretName: (name) => [{ kind: "Secret", name }],
  imagePullSecrets: (list) => list.map(({ name }: Value) => ({ kind: "Secret", name })),
  secretKeyRef: ({ name, key }) => [{ kind: "Secret", name, key }],
  passwordSecret: ({ name, key }) => [{ kind: "Secret", name, key }],
  secretRef: ({ name }) => [{ kind: "Secret", name }],
  secretTargetRef: (list) => list.map(({ name, key }: Value) => ({ kind: "Secret", name, key })),
  configMapKeyRef: ({ name, key }) => [{ kind: "ConfigMap", name, key }],
  configMapRef: ({ name }) => [{ kind: "ConfigMap", name }],
  configMap: ({ name }) => [{ kind: "ConfigMap", name }],
  // A volume names it `secretName`, a projected one `name`.
  secret: ({ name }) => (name ? [{ kind: "Secret", name }] : []),
  secrets: (list, { kind }) =>
    kind === "ServiceAccount" ? list.map(({ name }: Value) => ({ kind: "Secret", name })) : [],
  roleRef: ({ kind, name }) => (kind === "Role" ? [{ kind, name }] : []),
  subjects: (list) =>
    list
      .filter(({ kind }: Value) => kind === "ServiceAccount")
      .map(({ kind, name, namespace }: Value) => ({ kind, name, namespace })),
  taskRef: ({ name }) => [{ kind: "Task", name }],
  pipelineRef: ({ name }) => [{ kind: "Pipeline", name }],
  runtime: (name, { kind }) => (kind === "InferenceService" ? [{ kind: "ServingRuntime", name }] : []),
  storageUri: (uri) => {
    const claim = /^pvc:\/\/([^/]+)/.exec(uri)?.[1];
    return claim ? [{ kind: "PersistentVolumeClaim", name: claim }] : [];
  },
  to: ({ kind, name }, object) => (object.kind === "Route" ? [{ kind, name }] : []),
  service: ({ name }, { kind }) => (kind === "Ingress" ? [{ kind: "Service", name }] : []),
  backendRefs: (list) => list.map(({ name }: Value) => ({ kind: "Service", name })),
  scaleTargetRef: ({ kind = "Deployment", name }) => [{ kind, name }],
  authenticationRef: ({ kind = "TriggerAuthentication", name }) => [{ kind, name }],
};

function referencesOf(object: Manifest): Reference[] {
  const found: Reference[] = [];
  const visit = (value: Value): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [field, inner] of Object.entries<Value>(value)) {
      if (!inner?.optional)
        for (const reference of fields[field]?.(inner, object) ?? [])
          found.push({ namespace: object.metadata.namespace, ...reference } as Reference);
      if (!inner?.optional) visit(inner);
    }
  };
  visit(object);
  return found;
}

/** Models whose format their runtime does not serve. */
export function formatMismatches(objects: readonly Manifest[]): string[] {
  return objects
    .filter(({ kind }) => kind === "InferenceService")
    .flatMap((service) => {
      const { runtime, modelFormat } = service.spec.predictor.model;
      const formats: Manifest[] =
        objects.find(({ kind, metadata }) => kind === "ServingRuntime" && metadata.name === runtime)?.spec
          .supportedModelFormats ?? [];
      const fits = formats.some(
        ({ name, version }) =>
          name === modelFormat.name && (!modelFormat.version || version === modelFormat.version),
      );
      return fits ? [] : [`${nameOf(service)}: runtime ${runtime} does not serve ${modelFormat.name}`];
    });
}

/** Images that can change under their name. */
export function movingImages(objects: readonly Manifest[]): string[] {
  return objects.flatMap((object) => {
    const images = [...JSON.stringify(object).matchAll(/"image":"([^"]*)"/g)].map((match) => match[1] ?? "");
    return images
      .filter((image) => !/^\S+@sha256:[0-9a-f]{64}$/.test(image))
      .map((image) => `${nameOf(object)}: image ${image} is not by digest`);
  });
}

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** Kinds whose names become host names, or labels of pods. */
const labelled = ["Namespace", "Service", "InferenceService", "PipelineRun", "Job"];
const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Names that are no DNS-1123 names, and values of labels that none may have. */
export function badNames(objects: readonly Manifest[]): string[] {
  return objects.flatMap((object) => {
    const { kind, metadata } = object;
    const parts: string[] = labelled.includes(kind) ? [metadata.name] : metadata.name.split(".");
    const longest = labelled.includes(kind) ? 63 : 253;
    const named = parts.every((part) => label.test(part)) && metadata.name.length <= longest;
    const labels = Object.entries<string>(metadata.labels ?? {}).filter(
      ([, value]) => !labelValue.test(value),
    );
    return [
      ...(named ? [] : [`${nameOf(object)}: the name is no DNS-1123 name of at most ${longest} characters`]),
      ...labels.map(([key, value]) => `${nameOf(object)}: label ${key} cannot be "${value}"`),
    ];
  });
}
