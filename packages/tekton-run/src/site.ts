import type { Cluster } from "@modelcar/kubernetes/client";
import type { Conventions } from "./conventions.ts";

/** The cluster and namespace of runs, and the conventions that identify them. */
export interface Site {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly conventions: Conventions;
  /** Prints one line for the user. */
  readonly print: (line: string) => void;
}
