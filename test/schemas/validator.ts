/** Validates declared objects against the schemas of their APIs. */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import type { Manifest } from "../../local/platform/manifests.ts";
import { closed, closedDocument, filled } from "./close.ts";
import { customResourceDefinition, kubernetesDocument } from "./packages.ts";
import { shared } from "./shared.ts";

/** Where the definitions of a group and version are found by references. */
const address = (apiVersion: string): string => `kubernetes:/${apiVersion}`;
const definitionsOf = (apiVersion: string): string => `${address(apiVersion)}#/components/schemas`;
const objectMeta = `${definitionsOf("v1")}/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta`;

const core = (definition: string) => ({ $ref: `${definitionsOf("v1")}/io.k8s.api.core.v1.${definition}` });
const texts = { type: "array", items: { type: "string" } };
const paramValue = {
  anyOf: [{ type: "string" }, texts, { type: "object", additionalProperties: { type: "string" } }],
};
/** Fields of Tekton's kinds whose types its CRDs do not repeat, after its Go types. */
const tektonFields = {
  volumes: { type: "array", items: core("Volume") },
  securityContext: core("PodSecurityContext"),
  affinity: core("Affinity"),
  volumeClaimTemplate: core("PersistentVolumeClaim"),
  value: paramValue,
  default: paramValue,
};

const ajv = new Ajv({
  allErrors: true,
  // Errors then include the violated schema, which says what is allowed.
  verbose: true,
  useDefaults: true,
  // One function for each definition, not one for all of a kind.
  inlineRefs: false,
  // Still refuses keywords that it does not know, so that the translation loses none.
  strictTypes: false,
  strictRequired: false,
  allowUnionTypes: true,
  // Patterns are Go's, which escape more than Unicode mode allows.
  unicodeRegExp: false,
  formats: { byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/ },
});
ajv.addVocabulary(["components"]);

const documents = new Map<string, Promise<Manifest | undefined>>();
const validators = new Map<string, Promise<ValidateFunction>>();

export interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** One name for a kind, for maps and messages. */
export const kindName = ({ apiVersion, kind }: Kind): string => `${apiVersion} ${kind}`;

/**
 * What is wrong with an object of a kind, each with the object, the path and what is allowed; empty if it is valid.
 * @throws Error if no pinned package has a schema of the kind.
 */
export async function problemsOf(object: Manifest, kind: Kind = object): Promise<string[]> {
  const validate = await validatorFor(kind);
  // The first pass fills in defaults, but only after it has checked the rules that count on them.
  const whole = structuredClone(object);
  if (validate(whole) || validate(whole)) return [];
  const { namespace, name } = object.metadata ?? {};
  const who = `${kind.kind} ${namespace ? `${namespace}/` : ""}${name}`;
  return [...new Set(validate.errors?.map((error) => `${who}: ${describe(error)}`))];
}

/** The validator of a kind. Its schema is read and compiled once. */
export function validatorFor(kind: Kind): Promise<ValidateFunction> {
  const key = kindName(kind);
  const known = validators.get(key);
  if (known) return known;
  const made = compile(kind);
  validators.set(key, made);
  return made;
}

async function compile({ apiVersion, kind }: Kind): Promise<ValidateFunction> {
  await addDocument("v1");
  const [version = "", group = ""] = apiVersion.split("/").reverse();
  const definition: Manifest | undefined = await customResourceDefinition(group, kind);
  const body = definition
    ? customResource(definition, version)
    : { $ref: `${definitionsOf(apiVersion)}/${await builtIn({ apiVersion, kind })}` };
  const whole = {
    allOf: [body],
    type: "object",
    properties: {
      apiVersion: { const: apiVersion },
      kind: { const: kind },
      metadata: { allOf: [{ $ref: objectMeta }], required: ["name"] },
      // Controllers write it; the API server drops a declared status.
      status: false,
    },
    required: ["apiVersion", "kind", "metadata"],
  };
  return ajv.compile(shared(whole));
}

/** The schema of one version of a custom resource; its metadata is checked outside. */
function customResource(definition: Manifest, version: string): object {
  const served = definition.spec.versions.find(
    (candidate: { name: string; served: boolean }) => candidate.name === version && candidate.served,
  );
  if (!served) throw new Error(`${definition.metadata.name} has no version ${version}`);
  const schema = served.schema.openAPIV3Schema;
  const text = { type: "string" };
  const properties = { apiVersion: text, kind: text, ...schema.properties, metadata: {} };
  const whole = { ...schema, properties };
  return closed(definition.spec.group === "tekton.dev" ? filled(whole, tektonFields) : whole, {
    defaults: true,
  });
}

/** The name of a built-in kind's definition in the document of its group and version. */
async function builtIn({ apiVersion, kind }: Kind): Promise<string> {
  const document = await addDocument(apiVersion);
  const [version, group = ""] = apiVersion.split("/").reverse();
  const found = Object.entries<Manifest>(document?.components.schemas ?? {}).find(([, schema]) =>
    schema["x-kubernetes-group-version-kind"]?.some(
      (candidate: { group: string; version: string; kind: string }) =>
        candidate.kind === kind && candidate.group === group && candidate.version === version,
    ),
  );
  if (!found)
    throw new Error(`no pinned package has a schema of ${apiVersion} ${kind}: add it to packages.ts`);
  return found[0];
}

function addDocument(apiVersion: string): Promise<Manifest | undefined> {
  const known = documents.get(apiVersion);
  if (known) return known;
  const reading = kubernetesDocument(apiVersion).then((document) => {
    if (document) ajv.addSchema(closedDocument(document), address(apiVersion));
    return document;
  });
  documents.set(apiVersion, reading);
  return reading;
}

const decode = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");

function describe({ instancePath, keyword, params, parentSchema, data, message }: ErrorObject): string {
  const path = instancePath.slice(1).split("/").map(decode).join(".") || "the object";
  switch (keyword) {
    case "additionalProperties": {
      const allowed = Object.keys(parentSchema?.properties ?? {}).sort();
      return `${path}: unknown field "${params.additionalProperty}"; allowed: ${allowed.join(", ")}`;
    }
    case "false schema":
      return `${path}: must not be declared`;
    case "required":
      return `${path}: field "${params.missingProperty}" is missing`;
    case "enum":
      return `${path}: ${JSON.stringify(data)} must be one of ${JSON.stringify(params.allowedValues)}`;
    case "const":
      return `${path}: ${JSON.stringify(data)} must be ${JSON.stringify(params.allowedValue)}`;
    default:
      return `${path}: ${JSON.stringify(data)} ${message}`;
  }
}
