/** Services that a cluster usually finds on the internet: the hub and an OCI registry. */
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
