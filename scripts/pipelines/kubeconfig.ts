/** Finds the kubeconfig and the stack file; the errors say what to do if there is none. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Cluster } from "@modelcar/kubernetes/client";
import { kubeconfigFile, stateDirectory } from "../../local/paths.ts";

/** The embedded platform's stack: `npm start` keeps its whole configuration and its kubeconfig beside the cluster. */
const embedded = {
  stack: "local",
  file: join(stateDirectory, "pulumi", "Pulumi.local.yaml"),
  context: "modelcar-local",
  kubeconfig: kubeconfigFile,
};

/** The file of a stack that is not beside Pulumi.yaml. Throws an Error if the embedded platform has none yet. */
export function fileOf(stack: string): string | undefined {
  if (stack !== embedded.stack) return undefined;
  if (existsSync(embedded.file)) return embedded.file;
  throw new Error(
    `stack ${stack} has no ${embedded.file}: run npm start, which starts the embedded platform and writes it`,
  );
}

/** The cluster of a context. Throws an Error if the kubeconfig does not exist or has no such context. */
export function connect(context: string): Cluster {
  if (context === embedded.context) process.env.KUBECONFIG ??= embedded.kubeconfig;
  try {
    return Cluster.connect({ context });
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") throw error;
    throw new Error(
      path === embedded.kubeconfig
        ? `the embedded platform has no kubeconfig ${path}: start it with npm start`
        : `KUBECONFIG names ${path}, which does not exist: name your kubeconfig there, or unset it to use ~/.kube/config`,
    );
  }
}
