/** Metadata and pods of a Deployment that never runs two pods at once. */
export interface SingleReplica<Metadata, Pod, Text> {
  readonly metadata: Metadata;
  /** Labels by which the Deployment and its Service find the pod. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of the pod. */
  readonly annotations?: Readonly<Record<string, Text>>;
  readonly pod: Pod;
}

/**
 * A Deployment of one pod that stops before the next one starts, because only one pod may use its volume or database. The pod
 * gets no token, and no variables of service links, which servers take for settings.
 */
export function singleReplica<Metadata, Pod, Text = string>(of: SingleReplica<Metadata, Pod, Text>) {
  const { metadata, labels, annotations, pod } = of;
  return {
    metadata,
    spec: {
      replicas: 1,
      strategy: { type: "Recreate" },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, ...(annotations ? { annotations } : {}) },
        spec: { automountServiceAccountToken: false, enableServiceLinks: false, ...pod },
      },
    },
  };
}
