export interface VolumeClaimSpec {
  readonly namespace: string;
  readonly name: string;
  /** Size of the volume. */
  readonly size: string;
  /** Default: the cluster's default class. */
  readonly storageClass?: string | undefined;
  /** ReadWriteOnce: mounted by one node at a time. Default: ReadWriteOnce. */
  readonly accessMode?: "ReadWriteOnce" | "ReadWriteMany" | undefined;
}

export function volumeClaim({ namespace, name, size, storageClass, accessMode }: VolumeClaimSpec) {
  return {
    metadata: { name, namespace },
    spec: {
      accessModes: [accessMode ?? "ReadWriteOnce"],
      resources: { requests: { storage: size } },
      ...(storageClass ? { storageClassName: storageClass } : {}),
    },
  };
}
