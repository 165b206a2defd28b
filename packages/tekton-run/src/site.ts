import type { Cluster } from "@modelcar/kubernetes/client";
import type { Conventions } from "./conventions.ts";

/** Where runs are, and what they are known by there. */
export interface Site {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly conventions: Conventions;
  /** One line for the user. */
  readonly print: (line: string) => void;
}
