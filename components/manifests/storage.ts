/** A volume that one node mounts at a time; `storageClass` default: the cluster's default class. */
export function volumeClaim(namespace: string, claim: string, storage: string, storageClass?: string) {
  return {
    metadata: { name: claim, namespace },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage } },
      ...(storageClass ? { storageClassName: storageClass } : {}),
    },
  };
}
