import type { Cluster } from "@modelcar/kubernetes/client";
import type { Site } from "@modelcar/tekton-run/runs";
import { conventions } from "../../components/pipeline-run/conventions.ts";

/** A namespace, with the conventions for runs that the program and these commands share. */
export const siteOf = (cluster: Cluster, namespace: string, print: Site["print"]): Site => ({
  cluster,
  namespace,
  conventions,
  print,
});
