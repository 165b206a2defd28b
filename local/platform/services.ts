/** The services beside Kubernetes that an OpenShift AI cluster, or the internet, has: registries and the hub. */
import { find, type Manifest, restricted, singleContainer, volumeClaim } from "./manifests.ts";

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

/**
 * The Kubeflow model registry under the Service name of the upstream installation, with MariaDB beside it in the pod.
 * Not PostgreSQL: the registry's queries for model versions have unquoted names there, which PostgreSQL refuses.
 */
export function modelRegistryManifests(images: { server: string; mariadb: string }): Manifest[] {
  const inNamespace = "kubeflow";
  const data = "model-registry-db";
  const manifests = singleContainer({
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
      "--embedmd-database-type=mysql",
      "--embedmd-database-dsn=root@tcp(127.0.0.1:3306)/registry",
    ],
    readiness: { httpGet: { path: "/readyz/health", port: 8080 } },
    resources: { cpu: "50m", memory: "128Mi" },
    volumes: [
      { name: data, mountPath: "/data", source: { persistentVolumeClaim: { claimName: data } } },
      { name: "tmp", mountPath: "/tmp", source: { emptyDir: {} } },
    ],
  });
  const deployment = find(manifests, "Deployment", "model-registry-service");
  const [server] = deployment.spec.template.spec.containers;
  const database = {
    name: "mariadb",
    image: images.mariadb,
    securityContext: restricted,
    resources: { requests: { cpu: "50m", memory: "256Mi" }, limits: { memory: "512Mi" } },
    volumeMounts: [
      { name: data, mountPath: "/var/lib/mysql" },
      { name: "tmp", mountPath: "/tmp" },
    ],
    // As an init container that goes on running, it answers before the registry starts.
    restartPolicy: "Always",
    startupProbe: {
      exec: { command: ["/usr/bin/test", "-S", "/tmp/mariadb.sock"] },
      periodSeconds: 1,
      failureThreshold: 120,
    },
  };
  deployment.spec.template.spec.initContainers = [database];
  server.volumeMounts = [];
  return [volumeClaim(inNamespace, data, "2Gi"), ...manifests];
}
