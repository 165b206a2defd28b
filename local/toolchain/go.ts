import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { cacheDirectory, contentKey } from "../paths.ts";
import type { Step } from "../progress.ts";
import { run } from "../run.ts";
import { embeddedFiles, providerModule, providerVersion } from "./pulumi-kubernetes.ts";

/** Commands to build from a Go module under `local/tools`, whose `go.mod` and `go.sum` pin their source. */
interface GoTool extends Step {
  readonly name: string;
  /** The folder under `local/tools`. Default: the name. */
  readonly module?: string;
  readonly packages: readonly string[];
  /** Package variables set at link time, without the `-X`. */
  readonly variables?: readonly string[];
  /** The binary's name. Default: the last part of the package path. */
  readonly binary?: string;
}

const moduleDirectory = (name: string): string => join(import.meta.dirname, "..", "tools", name);

/**
 * The version of a module in a folder of pins, such as `v1.15.0`.
 * @throws Error if its go.mod does not require the module.
 */
export function pinnedVersion(folder: string, module: string): string {
  const file = join(moduleDirectory(folder), "go.mod");
  const required = new RegExp(`^(?:require )?\\s*${module} (v\\S+)`, "m").exec(readFileSync(file, "utf8"));
  if (!required?.[1]) throw new Error(`${file} does not require ${module}`);
  return required[1];
}

const kubernetesVersion = pinnedVersion("cluster", "k8s.io/kubernetes");
const [kubernetesMajor = "", kubernetesMinor = ""] = kubernetesVersion.slice(1).split(".");
const kubernetes = (name: string, value: string) => `k8s.io/component-base/version.${name}=${value}`;
/**
 * The module of Kubernetes and of the tools that share its client libraries, which Go then compiles once. A tool that needs
 * other versions has its own module.
 */
const cluster = { module: "cluster" } as const;

const kubeRouter = "github.com/cloudnativelabs/kube-router/v2";
const pulumiModule = "github.com/pulumi/pulumi/pkg/v3";

/** In build order; `seconds` was measured on two cores. */
export const goTools = [
  {
    name: "kubernetes",
    ...cluster,
    seconds: 350,
    packages: [
      "kube-apiserver",
      "kube-controller-manager",
      "kube-scheduler",
      "kubelet",
      "kube-proxy",
      "kubectl",
    ].map((command) => `k8s.io/kubernetes/cmd/${command}`),
    // Tekton refuses an API server that reports no version.
    variables: [
      kubernetes("gitVersion", kubernetesVersion),
      kubernetes("gitMajor", kubernetesMajor),
      kubernetes("gitMinor", kubernetesMinor),
      kubernetes("gitCommit", kubernetesVersion),
      kubernetes("gitTreeState", "clean"),
      kubernetes("buildDate", "1970-01-01T00:00:00Z"),
    ],
  },
  { name: "etcd", ...cluster, seconds: 15, packages: ["go.etcd.io/etcd/server/v3"], binary: "etcd" },
  { name: "gpu-nodes", ...cluster, seconds: 5, packages: ["./gpu-nodes"] },
  {
    name: "kube-router",
    ...cluster,
    seconds: 30,
    packages: [`${kubeRouter}/cmd/kube-router`],
    variables: [`${kubeRouter}/pkg/version.Version=${pinnedVersion("cluster", kubeRouter)}`],
  },
  { name: "coredns", ...cluster, seconds: 20, packages: ["./coredns"] },
  {
    name: "storage-provisioner",
    ...cluster,
    seconds: 10,
    packages: ["github.com/rancher/local-path-provisioner"],
  },
  { name: "kserve", ...cluster, seconds: 90, packages: ["github.com/kserve/kserve/cmd/manager"] },
  {
    name: "tekton",
    seconds: 190,
    packages: ["controller", "webhook", "entrypoint", "nop", "workingdirinit"].map(
      (command) => `github.com/tektoncd/pipeline/cmd/${command}`,
    ),
  },
  { name: "registry", seconds: 30, packages: ["."], binary: "registry" },
  { name: "oras", seconds: 10, packages: ["."], binary: "oras" },
  { name: "model-registry", seconds: 40, packages: ["github.com/kubeflow/model-registry"] },
  { name: "minio", seconds: 210, packages: ["github.com/minio/minio"] },
  {
    name: "pulumi",
    seconds: 180,
    packages: [`${pulumiModule}/cmd/pulumi`],
    variables: [
      `github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${pinnedVersion("pulumi", pulumiModule)}`,
    ],
  },
  {
    name: "pulumi-kubernetes",
    seconds: 390,
    packages: ["."],
    binary: "pulumi-resource-kubernetes",
    variables: [`main.version=${providerVersion()}`],
  },
] as const satisfies readonly GoTool[];

export type GoToolName = (typeof goTools)[number]["name"];

/** The folders of pins whose module sources others read; nothing is built from `crds`. */
export type GoModuleName = "cluster" | "tekton" | "pulumi-kubernetes" | "crds";

/** The environment of `go`: it builds static programs from exactly the pinned sources, with the installed Go. */
export const goEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  CGO_ENABLED: "0",
  // The binaries have no debug information, so none is compiled.
  GOFLAGS: "-mod=readonly -trimpath -buildvcs=false -gcflags=all=-dwarf=false",
  GOTOOLCHAIN: "local",
  // Their sums are pinned in our go.sum; the public checksum database doesn't serve these modules everywhere.
  GONOSUMDB: [
    process.env.GONOSUMDB,
    "github.com/kubeflow/model-registry",
    "github.com/cloudnativelabs/kube-router/v2",
  ]
    .filter(Boolean)
    .join(","),
  // Builds here have plenty of memory but few cores.
  GOGC: process.env.GOGC ?? "400",
};

function tool(name: GoToolName): GoTool {
  return goTools.find((candidate) => candidate.name === name) as GoTool;
}

/** The folder with the built commands of a tool, keyed by its pins. */
export function goToolDirectory(name: GoToolName): string {
  const { module = name, packages, variables = [] } = tool(name);
  const local = packages.filter((path) => path.startsWith(".")).map((path) => join(path, "main.go"));
  const files = ["go.mod", "go.sum", ...local].map((file) => join(moduleDirectory(module), file));
  return join(cacheDirectory, "go", `${name}-${contentKey({ files, texts: [...packages, ...variables] })}`);
}

/** A built command of a tool. */
export function goProgram(name: GoToolName, command: string = name): string {
  return join(goToolDirectory(name), command);
}

export const goToolReady = (name: GoToolName): boolean => existsSync(goToolDirectory(name));

/** Downloads (Go checks every sum) and builds one tool into the cache. */
export async function buildGoTool(name: GoToolName): Promise<void> {
  const { module = name, packages, variables = [], binary } = tool(name);
  const directory = goToolDirectory(name);
  const work = `${directory}.partial`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const flags = ["-s", "-w", ...variables.map((variable) => `-X ${variable}`)].join(" ");
  const overlay = name === "pulumi-kubernetes" ? await providerOverlay(`${work}.embedded`) : [];
  await run("go", ["build", ...overlay, "-ldflags", flags, "-o", `${work}/`, ...packages], {
    cwd: moduleDirectory(module),
    env: goEnvironment,
    log: join(cacheDirectory, "logs", `go-${name}.log`),
  });
  const [first] = packages;
  if (binary && first) {
    const built = first === "." ? module : basename(first.replace(/\/v\d+$/, ""));
    if (built !== binary) renameSync(join(work, built), join(work, binary));
  }
  rmSync(`${work}.embedded`, { recursive: true, force: true });
  renameSync(work, directory);
}

/** The flag that overlays the files that the provider's main embeds on its folder. */
async function providerOverlay(work: string): Promise<string[]> {
  const Replace = embeddedFiles(await goModuleSource("pulumi-kubernetes", providerModule), work);
  const file = join(work, "overlay.json");
  writeFileSync(file, JSON.stringify({ Replace }));
  return ["-overlay", file];
}

/** The folder of a Go module's source in the module cache, for the manifests that it ships. */
export async function goModuleSource(name: GoModuleName, module: string): Promise<string> {
  await run("go", ["mod", "download", module], { cwd: moduleDirectory(name), env: goEnvironment });
  return (
    await run("go", ["list", "-m", "-f", "{{.Dir}}", module], {
      cwd: moduleDirectory(name),
      env: goEnvironment,
    })
  ).trim();
}
