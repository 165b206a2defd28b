/** The services beside Kubernetes that an OpenShift AI cluster, or the internet, has: registries and the hub. */
import { type Manifest, singleContainer, volumeClaim } from "./manifests.ts";

/** A read-only hub that speaks the part of the Hugging Face protocol that downloads need. */
export function hubManifests(image: string): Manifest[] {
  return singleContainer({
    namespace: "hugging-face",
    name: "hub",
    image,
    port: 8080,
    user: 1000,
    readiness: { httpGet: { path: "/healthz", port: 8080 } },
    resources: { cpu: "50m", memory: "128Mi" },
  });
}

/** CNCF Distribution as the OCI registry. */
export function ociRegistryManifests(image: string): Manifest[] {
  const configuration = {
    version: "0.1",
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: "/var/lib/registry" }, delete: { enabled: true } },
    http: { addr: ":5000" },
  };
  const metadata = { namespace: "oci-registry", name: "registry" };
  return [
    volumeClaim("oci-registry", "registry", "10Gi"),
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "config.yml": JSON.stringify(configuration) } },
    ...singleContainer({
      ...metadata,
      image,
      port: 5000,
      user: 1000,
      args: ["serve", "/etc/distribution/config.yml"],
      readiness: { httpGet: { path: "/v2/", port: 5000 } },
      resources: { cpu: "50m", memory: "256Mi" },
      volumes: [
        {
          name: "data",
          mountPath: "/var/lib/registry",
          source: { persistentVolumeClaim: { claimName: "registry" } },
        },
        { name: "config", mountPath: "/etc/distribution", source: { configMap: { name: "registry" } } },
      ],
    }),
  ];
}

const databaseSecret = "model-registry-database";
const databaseEnvironment = (name: string, key: string) => ({
  name,
  valueFrom: { secretKeyRef: { name: databaseSecret, key } },
});

/** The Kubeflow model registry on a PostgreSQL of its own, under the Service name of the upstream installation. */
export function modelRegistryManifests(
  images: { server: string; postgresql: string },
  password: string,
): Manifest[] {
  const inNamespace = "kubeflow";
  const [deployment, service] = singleContainer({
    namespace: inNamespace,
    name: "model-registry-service",
    image: images.server,
    port: 8080,
    user: 1000,
    args: [
      "proxy",
      "--hostname=0.0.0.0",
      "--port=8080",
      "--datastore-type=embedmd",
      "--embedmd-database-type=postgres",
      "--embedmd-database-dsn=host=model-registry-db user=registry password=$(PASSWORD) dbname=registry sslmode=disable",
    ],
    env: [databaseEnvironment("PASSWORD", "password")],
    readiness: { httpGet: { path: "/readyz/health", port: 8080 } },
    resources: { cpu: "50m", memory: "128Mi" },
  });
  return [
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace: inNamespace, name: databaseSecret },
      stringData: { password },
    },
    volumeClaim(inNamespace, "model-registry-db", "2Gi"),
    ...singleContainer({
      namespace: inNamespace,
      name: "model-registry-db",
      image: images.postgresql,
      port: 5432,
      user: 1000,
      env: [
        databaseEnvironment("POSTGRES_PASSWORD", "password"),
        { name: "POSTGRES_USER", value: "registry" },
      ],
      readiness: { tcpSocket: { port: 5432 } },
      resources: { cpu: "50m", memory: "256Mi" },
      volumes: [
        {
          name: "data",
          mountPath: "/var/lib/postgresql/data",
          source: { persistentVolumeClaim: { claimName: "model-registry-db" } },
        },
        { name: "run", mountPath: "/var/run/postgresql", source: { emptyDir: {} } },
      ],
    }),
    deployment as Manifest,
    service as Manifest,
  ];
}
