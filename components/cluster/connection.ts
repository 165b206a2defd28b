import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ClusterIdentity } from "./index.ts";

/**
 * The provider of everything in the cluster, and before it the check that it is the stack's cluster. Nothing of a person's
 * machine gets into the state but the name of the context, which makes no difference there.
 */
export function connectCluster(context: string, namespace: string): k8s.Provider {
  const identity = new ClusterIdentity("cluster-identity", { context, namespace });
  return withoutPersonalSwitches(
    () =>
      new k8s.Provider(
        "cluster",
        {
          context,
          // Client-go's own rules find the kubeconfig; by default the SDK would write $KUBECONFIG into the state.
          kubeconfig: "",
          // No clusterIdentifier: a change of it replaces everything, and ClusterIdentity knows the cluster better.
          // A refresh comes before the program, so by the context of the last up, which may be another person's.
          skipUpdateUnreachable: true,
          enableServerSideApply: true,
          enableSecretMutable: true,
          enableConfigMapMutable: true,
        },
        // A preview touches nothing, so there both go side by side.
        { dependsOn: pulumi.runtime.isDryRun() ? [] : [identity] },
      ),
  );
}

/** Switches in the environment are for one command, and the plugin reads them itself; the SDK would keep them in the state. */
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
