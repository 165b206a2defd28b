import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ClusterIdentity } from "./index.ts";

/**
 * The provider of all Kubernetes resources, after a check that this is the stack's cluster. The only thing from a user's
 * machine in the state is the name of the context, a change of which is no diff.
 */
export function connectCluster(context: string, namespace: string): k8s.Provider {
  const identity = new ClusterIdentity("cluster-identity", { context, namespace });
  return withoutPersonalSwitches(
    () =>
      new k8s.Provider(
        "cluster",
        {
          context,
          // client-go's own rules find the kubeconfig; by default the SDK would write $KUBECONFIG into the state.
          kubeconfig: "",
          // No clusterIdentifier: a change of it replaces everything, and ClusterIdentity identifies the cluster more reliably.
          // A refresh runs before the program, so with the context of the last up, which may be another person's.
          skipUpdateUnreachable: true,
          enableServerSideApply: true,
          enableSecretMutable: true,
          enableConfigMapMutable: true,
        },
        // A preview changes nothing, so both may run in parallel.
        { dependsOn: pulumi.runtime.isDryRun() ? [] : [identity] },
      ),
  );
}

/** The plugin reads its environment variables itself; the SDK would also store them in the state. */
function withoutPersonalSwitches<T>(make: () => T): T {
  const personal = Object.keys(process.env).filter((name) => name.startsWith("PULUMI_K8S_"));
  const values = personal.map((name) => [name, process.env[name]] as const);
  for (const name of personal) delete process.env[name];
  try {
    return make();
  } finally {
    for (const [name, value] of values) process.env[name] = value;
  }
}
