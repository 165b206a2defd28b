/** What namespaces of services beside the project have in common. */
/** No project of the dashboard, and no pod in it has any privilege. */
export function serviceNamespace(name: string) {
  return { metadata: { name, labels: { "pod-security.kubernetes.io/enforce": "restricted" } } };
}
