/** A namespace for a service next to the project: no dashboard project, and its pods must be restricted. */
export function serviceNamespace(name: string) {
  return { metadata: { name, labels: { "pod-security.kubernetes.io/enforce": "restricted" } } };
}
