/** Where Pulumi enters: loads index.ts, once it is sure that this Node can. Plain JavaScript, so that any Node reads it. */

import compileCache from "@modelcar/kubernetes/compile-cache";
import nodeVersion from "@modelcar/kubernetes/node-version";
import pulumi from "@pulumi/pulumi";

const problem = nodeVersion.nodeProblem();
if (problem) throw new pulumi.RunError(problem);
compileCache.enable();

/** The stack's outputs. */
export default await import("./index.ts");
