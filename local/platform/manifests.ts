import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

/** A Kubernetes object as plain data. */
// biome-ignore lint/suspicious/noExplicitAny: third-party manifests have no common shape beyond this.
export type Manifest = { apiVersion: string; kind: string; metadata: any; [field: string]: any };

/** The objects of a YAML text, comments and empty documents left out. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest): manifest is Manifest => manifest?.kind !== undefined);
}

/** The objects of the `.yaml` files directly in a folder, or of one file. */
export function readManifests(path: string): Manifest[] {
  if (statSync(path).isFile()) return parseManifests(readFileSync(path, "utf8"));
  return readdirSync(path)
    .filter((file) => file.endsWith(".yaml"))
    .sort()
    .flatMap((file) => parseManifests(readFileSync(join(path, file), "utf8")));
}

/**
 * The object `kind/name` of a list.
 * @throws Error if the pinned package no longer has it.
 */
export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const manifest = manifests.find((candidate) => candidate.kind === kind && candidate.metadata.name === name);
  if (!manifest) throw new Error(`the package's manifests have no ${kind} ${name}`);
  return manifest;
}

/** A copy in which each string that equals a key of `replacements` is replaced by its value. */
export function replaceTexts<T>(value: T, replacements: Readonly<Record<string, string>>): T {
  const replace = (item: unknown): unknown => {
    if (typeof item === "string") return replacements[item] ?? item;
    if (Array.isArray(item)) return item.map(replace);
    if (item && typeof item === "object") {
      return Object.fromEntries(Object.entries(item).map(([key, field]) => [key, replace(field)]));
    }
    return item;
  };
  return replace(value) as T;
}

/** Security settings of the restricted Pod Security Standard for a container with an unprivileged user. */
export const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
} as const;

/** A Deployment of one container, its Service `name`, and their Namespace. */
export function singleContainer(options: {
  readonly namespace: string;
  readonly name: string;
  readonly image: string;
  readonly port: number;
  readonly args?: readonly string[];
  readonly env?: readonly object[];
  readonly readiness: object;
  readonly user: number;
  readonly volumes?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly source: object;
  }[];
  readonly resources: { readonly cpu: string; readonly memory: string };
}): Manifest[] {
  const { namespace, name, port, volumes = [] } = options;
  const labels = { "app.kubernetes.io/name": name };
  const metadata = { namespace, name, labels };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas: 1,
        // Its volume can be mounted by one pod at a time.
        strategy: { type: "Recreate" },
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            securityContext: { runAsUser: options.user, fsGroup: options.user },
            containers: [
              {
                name,
                image: options.image,
                args: options.args ?? [],
                env: options.env ?? [],
                ports: [{ containerPort: port }],
                readinessProbe: { periodSeconds: 2, ...options.readiness },
                securityContext: restricted,
                resources: { requests: options.resources, limits: { memory: options.resources.memory } },
                volumeMounts: volumes.map((volume) => ({ name: volume.name, mountPath: volume.mountPath })),
              },
            ],
            volumes: volumes.map((volume) => ({ name: volume.name, ...volume.source })),
          },
        },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector: labels, ports: [{ name: "http", port }] },
    },
  ];
}

export const namespace = (name: string): Manifest => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name },
});

export const volumeClaim = (inNamespace: string, name: string, storage: string): Manifest => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { namespace: inNamespace, name },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
});
