/** The sources of API schemas: the YAML and JSON that pinned Go modules ship. Nothing is copied into this project. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Manifest } from "../../local/platform/manifests.ts";
import { type GoModuleName, goModuleSource } from "../../local/toolchain/go.ts";
import { grafanaDashboardDefinition } from "./grafana-dashboard-definition.ts";
import { modelRegistryDefinition } from "./model-registry-definition.ts";

interface Package {
  /** The folder under local/tools whose go.mod and go.sum pin the module. */
  readonly tool: GoModuleName;
  readonly module: string;
  /** A YAML file of CustomResourceDefinitions, or a folder of such files. */
  readonly path: string;
}

const packages: readonly Package[] = [
  { tool: "cluster", module: "github.com/kserve/kserve", path: "config/crd/full" },
  { tool: "tekton", module: "github.com/tektoncd/pipeline", path: "config/300-crds" },
  {
    tool: "crds",
    module: "github.com/openshift/api",
    path: "route/v1/zz_generated.crd-manifests/routes.crd.yaml",
  },
  {
    tool: "crds",
    module: "github.com/prometheus-operator/prometheus-operator",
    path: "example/prometheus-operator-crd",
  },
  { tool: "crds", module: "istio.io/api", path: "kubernetes/customresourcedefinitions.gen.yaml" },
  { tool: "crds", module: "github.com/kedacore/keda/v2", path: "config/crd/bases" },
  { tool: "crds", module: "sigs.k8s.io/gateway-api", path: "config/crd/standard" },
];

/** For kinds whose module no package registry has. */
const standIns = [modelRegistryDefinition, grafanaDashboardDefinition];

const sources = new Map<string, Promise<string>>();

/** The folder of a module, downloaded if it is missing; Go runs once for each. */
function moduleSource(tool: GoModuleName, module: string): Promise<string> {
  const known = sources.get(module);
  if (known) return known;
  const source = goModuleSource(tool, module);
  sources.set(module, source);
  return source;
}

let texts: Promise<readonly string[]> | undefined;

/** Downloads pinned modules that are missing, and reads the YAML documents of their CRDs. */
async function readTexts(): Promise<readonly string[]> {
  const read: string[] = [];
  // One after the other: Go's module cache is locked while it is written.
  for (const { tool, module, path } of packages) {
    const file = join(await moduleSource(tool, module), path);
    const files = statSync(file).isFile()
      ? [file]
      : readdirSync(file)
          .filter((name) => name.endsWith(".yaml"))
          .map((name) => join(file, name));
    read.push(...files.flatMap((name) => readFileSync(name, "utf8").split(/^---$/m)));
  }
  return read;
}

const definitions = new Map<string, Manifest>();

/**
 * The CustomResourceDefinition of a kind, or undefined if no pinned package defines it. Only that one is parsed, once:
 * all of them together are 10 MB of YAML.
 */
export async function customResourceDefinition(group: string, kind: string): Promise<Manifest | undefined> {
  const own = standIns.find(({ spec }) => spec.group === group && spec.names.kind === kind);
  if (own) return own;
  const lines = [`\n  group: ${group}\n`, `\n    kind: ${kind}\n`];
  const key = lines.join("");
  texts ??= readTexts();
  const text = (await texts).find((candidate) => lines.every((line) => candidate.includes(line)));
  if (text !== undefined && !definitions.has(key)) definitions.set(key, parse(text));
  return definitions.get(key);
}

/** Kubernetes' own OpenAPI v3 document of a group and version, of the version that the embedded platform runs. */
export async function kubernetesDocument(apiVersion: string): Promise<Manifest | undefined> {
  const source = await moduleSource("cluster", "k8s.io/kubernetes");
  const path = apiVersion.includes("/") ? `apis__${apiVersion.replace("/", "__")}` : `api__${apiVersion}`;
  const file = join(source, "api/openapi-spec/v3", `${path}_openapi.json`);
  return statSync(file, { throwIfNoEntry: false }) && JSON.parse(readFileSync(file, "utf8"));
}
